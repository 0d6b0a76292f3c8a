import type {
  ClusterEvent,
  ClusterNode as NodeDescription,
  ClusterReport,
  Clock,
  PendingCall,
  RelayHost,
} from "@portage/server/relay";
import { ClusterError, LINK_REFUSALS, type LinkRefusalCode } from "./core/errors.ts";
import { encodeFrame, type Frame } from "./core/frames.ts";
import { decodeReport, encodeReport, type Member, Membership, type NodeReport } from "./core/membership.ts";
import type { ClusterRelay } from "./exchange/relay.ts";
import type { Link, LinkEnd, LinkObserver, Peers, Standing } from "./links/link.ts";
import { LinkPool, type PoolHandler } from "./links/pool.ts";
import type { Registry } from "./links/registry.ts";
import type { ResolvedClusterOptions } from "./options.ts";

/** Milliseconds after which `whenJoined` rejects. */
const JOIN_DEADLINE = 2000;
/** Delay of the second attempt to join, in milliseconds; it doubles with each. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 30_000;

/** Frames between nodes as a whole. */
const FOR_BUS: ReadonlySet<Frame["type"]> = new Set(["MESSAGE", "ASK", "TELL"]);

/** Receives what the program may hear of. */
export interface NodeHandler {
  onNode(event: ClusterEvent): void;
  onLost(event: ClusterEvent): void;
  onRefused(code: LinkRefusalCode, tag: string | undefined, message: string): void;
  /** The first attempt to join has failed. Others follow until the node is closed. */
  onFailed(error: Error): void;
}

export interface NodeSettings {
  readonly options: ResolvedClusterOptions;
  readonly host: RelayHost;
  readonly handler: NodeHandler;
}

/** The parts: the relay receives the frames of streams, the bus those of adapters and questions. */
export interface NodeParts {
  readonly relay: (peers: Peers) => ClusterRelay;
  readonly bus: LinkObserver;
}

/** One start of this process in the cluster: its links, and what the others report. */
export class LocalNode implements Peers, PoolHandler {
  readonly #settings: NodeSettings;
  readonly #clock: Clock;
  readonly #membership = new Membership();
  readonly relay: ClusterRelay;
  readonly #bus: LinkObserver;
  readonly #waiting = new Set<{ settle(error?: Error): void }>();
  readonly #ends: Partial<Record<LinkEnd, number>> = {};
  readonly #refused: Partial<Record<LinkRefusalCode, number>> = {};
  #phase: "new" | "started" | "closed" = "new";
  /** The links of the current attempt to join. */
  #pool: LinkPool | undefined = undefined;
  /** The next attempt, after a failure. */
  #retry: PendingCall | undefined = undefined;
  #onFailed: ((error: Error) => void) | undefined = undefined;
  #state: NodeReport["state"] = "up";
  #since = 0;
  #reported = 0;

  constructor(settings: NodeSettings, { relay, bus }: NodeParts) {
    this.#settings = settings;
    this.#clock = settings.host.clock;
    this.#bus = bus;
    this.relay = relay(this);
  }

  /**
   * Joins the nodes of a registry. Does nothing if this node has started.
   *
   * @param makeRegistry called for each attempt to join. Returns undefined if the registry is not known yet
   */
  start(makeRegistry: () => Registry | undefined): void {
    if (this.#phase === "new") this.#join(makeRegistry, 0);
  }

  #join(makeRegistry: () => Registry | undefined, failures: number): void {
    const registry = makeRegistry();
    if (registry === undefined) return;
    this.#phase = "started";
    const { heartbeatInterval, heartbeatTimeout, maxLinkBytes, keys } = this.#settings.options;
    this.#since = Date.now();
    this.#onFailed = (error) => {
      const delay = Math.min(FIRST_RETRY * 2 ** failures, LONGEST_RETRY);
      this.#retry = this.#clock.after(delay, () => this.#join(makeRegistry, failures + 1));
      if (failures === 0) this.#settings.handler.onFailed(error);
    };
    this.#pool = new LinkPool(
      {
        clock: this.#clock,
        registry,
        keys: keys && (() => keys),
        heartbeatInterval,
        heartbeatTimeout,
        maxLinkBytes,
      },
      this,
    );
    this.#pool.start();
  }

  get hasStarted(): boolean {
    return this.#phase !== "new";
  }

  /** Reports that this node opens no more sessions. */
  drain(): void {
    this.#state = "draining";
    this.#reportState();
  }

  /** Reports that this node opens sessions again. */
  resume(): void {
    this.#state = "up";
    this.#reportState();
  }

  close(): void {
    this.#phase = "closed";
    this.#retry?.cancel();
    this.#pool?.close();
    for (const waiter of this.#waiting) waiter.settle(new ClusterError("CLUSTER_CLOSED"));
  }

  // ---- for the relay and the adapters ------------------------------------------------------------------------------

  get tag(): string {
    return this.#pool?.isJoined ? this.#pool.self.tag : "";
  }

  get(tag: string): Link | undefined {
    return this.#pool?.get(tag);
  }

  all(): Iterable<Link> {
    return this.#pool?.all() ?? [];
  }

  standing(tag: string): Standing {
    if (!this.#pool?.isJoined) return "starting";
    if (this.#pool.get(tag) !== undefined) return "open";
    const lostAt = this.#membership.lostAt(tag);
    if (lostAt !== undefined) return { lostAt };
    return this.#pool.knows(tag) ? "unreachable" : "unknown";
  }

  whenJoined(): Promise<void> {
    if (this.tag !== "") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(JOIN_DEADLINE, () => waiter.settle(new ClusterError("CLUSTER_STARTING")));
      const waiter = {
        settle: (error?: Error): void => {
          this.#waiting.delete(waiter);
          timer.cancel();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiting.add(waiter);
    });
  }

  // ---- for the program ---------------------------------------------------------------------------------------------

  nodes(): readonly NodeDescription[] {
    if (this.tag === "") return [];
    const self = { tag: this.tag, ...this.#report(), via: "self" } as const;
    return [self, ...Array.from(this.#membership.all(), (member) => this.#describe(member))];
  }

  report(): ClusterReport {
    const links = Array.from(this.#pool?.all() ?? [], (link) => {
      const { kind: via, queuedBytes, framesIn, framesOut, roundTrip } = link;
      return [link.tag, { via, queuedBytes, framesIn, framesOut, roundTrip }] as const;
    });
    const { counts } = this.#membership;
    return {
      exchanges: this.relay.stats,
      states: { ...counts },
      links: Object.fromEntries(links),
      ends: { ...this.#ends },
      refused: { ...this.#refused },
    };
  }

  #describe({ tag, state, since, sessions }: Member): NodeDescription {
    return { tag, state, since, sessions, via: this.#pool!.kindOf(tag) };
  }

  // ---- states ------------------------------------------------------------------------------------------------------

  #report(): NodeReport {
    return { state: this.#state, sessions: this.#settings.host.count(), since: this.#since };
  }

  #reportState(): void {
    const report = this.#report();
    this.#reported = report.sessions;
    const body = encodeReport(report);
    for (const link of this.all()) link.send(encodeFrame("STATE", 0, body));
  }

  #announce(tag: string): void {
    const member = this.#membership.get(tag);
    if (member !== undefined) this.#settings.handler.onNode({ node: this.#describe(member) });
  }

  // ---- the pool ----------------------------------------------------------------------------------------------------

  onJoined(): void {
    for (const waiter of this.#waiting) waiter.settle();
  }

  onOpen(link: Link): void {
    link.send(encodeFrame("STATE", 0, encodeReport(this.#report())));
    this.relay.onOpen(link);
    this.#bus.onOpen(link);
  }

  onFrame(link: Link, frame: Frame): void {
    if (FOR_BUS.has(frame.type)) this.#bus.onFrame(link, frame);
    else if (frame.type === "STATE") this.#onState(link, frame.body);
    else this.relay.onFrame(link, frame);
  }

  #onState(link: Link, body: Buffer): void {
    const report = decodeReport(body);
    if (report === undefined) return link.fail("its state is malformed");
    const change = this.#membership.report(link.tag, report);
    if (change !== undefined) this.#announce(link.tag);
  }

  onDrain(link: Link): void {
    this.relay.onDrain(link);
    this.#bus.onDrain(link);
  }

  onClose(link: Link, end: LinkEnd): void {
    this.#ends[end] = (this.#ends[end] ?? 0) + 1;
    // The pool has reported nodes that are gone.
    const mayReturn = end !== "gone" && end !== "left";
    if (mayReturn && this.#membership.silence(link.tag) !== undefined) this.#announce(link.tag);
    this.relay.onClose(link, end);
    this.#bus.onClose(link, end);
  }

  onGone(tag: string, how: "left" | "ended"): void {
    const { change, member } = this.#membership.lose(tag, this.#clock.now());
    if (change === "lost") this.#settings.handler.onLost({ node: this.#describe(member!), reason: REASONS[how] });
  }

  isIdle(link: Link): boolean {
    return this.relay.isIdle(link);
  }

  onBeat(): void {
    if (this.#settings.host.count() !== this.#reported) this.#reportState();
  }

  onRefused(code: LinkRefusalCode, tag: string | undefined): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
    this.#settings.handler.onRefused(code, tag, LINK_REFUSALS[code].message);
  }

  onFailed(error: Error): void {
    this.#onFailed?.(error);
  }
}

/** Why a node is lost. */
const REASONS = { left: "it has left", ended: "its process has ended" } as const;

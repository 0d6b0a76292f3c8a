/*
 * A process of the simulated cluster: the real engine, Socket.IO server, relay, tunnels, bus and adapter, with simulated
 * links, HTTP connections and time.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { Server as SocketIo, type Socket } from "@portage/server";
import { Server as Engine, type Socket as Session } from "@portage/server/engine";
import { LinkBus } from "../../../../packages/cluster/src/adapter/bus.ts";
import type { BusAdapter } from "../../../../packages/cluster/src/adapter/bus-adapter.ts";
import { createBusAdapter } from "../../../../packages/cluster/src/adapter/create.ts";
import type { Frame } from "../../../../packages/cluster/src/core/frames.ts";
import { ClusterRelay } from "../../../../packages/cluster/src/exchange/relay.ts";
import { TunnelRegistry } from "../../../../packages/cluster/src/exchange/tunnel-registry.ts";
import type { Link, LinkEnd, Peers, Standing } from "../../../../packages/cluster/src/links/link.ts";
import { resolveClusterOptions } from "../../../../packages/cluster/src/options.ts";
import type { Line } from "./line.ts";
import type { Process, SimClock } from "./sim-clock.ts";
import type { LinkHolder, SimLink } from "./sim-link.ts";

const DEFAULTS = resolveClusterOptions();

export const MAX_PENDING = 1000;

/** What a node reports to the simulation. */
export interface NodeObserver {
  onSession(node: SimNode, session: Session): void;
  onSessionEnd(session: Session): void;
  onSocket(socket: Socket): void;
  /** A request has passed the relay: the engine of this node handles it. */
  onHandled(node: SimNode, req: IncomingMessage, res: ServerResponse): void;
}

export interface NodePlan {
  readonly tag: string;
  readonly clock: SimClock;
  readonly observer: NodeObserver;
  /** Whether the engine has a middleware, by which the simulation sees requests. */
  readonly isWatched: boolean;
}

const OPTIONS = { pingInterval: 3000, pingTimeout: 20_000, upgradeTimeout: 10_000, httpCompression: false } as const;

/** How far a node is. */
type State = "starting" | "up" | "draining" | "closed" | "dead";

export class SimNode implements Peers, LinkHolder, Process {
  /** Given at the start; known to itself once it has joined. */
  readonly name: string;
  readonly engine: Engine;
  readonly io: SocketIo;
  readonly bus: LinkBus;
  relay!: ClusterRelay;
  readonly links = new Map<string, SimLink>();
  readonly lines = new Set<Line>();
  state: State = "starting";
  isFrozen = false;
  isDrained = false;
  frozenAt = 0;
  readonly #plan: NodePlan;
  readonly #http: HttpServer;
  /** Nodes without a link: known, or lost. */
  readonly #others = new Map<string, "unreachable" | { lostAt: number }>();
  readonly #waiting: (() => void)[] = [];

  constructor(plan: NodePlan) {
    this.#plan = plan;
    this.name = plan.tag;
    const clock = plan.clock.of(this);
    this.bus = new LinkBus(this);
    this.engine = new Engine({
      ...OPTIONS,
      clock,
      cluster: {
        connect: (host) => {
          const tunnels = (relay: ClusterRelay): TunnelRegistry => new TunnelRegistry(relay, DEFAULTS);
          return (this.relay = new ClusterRelay(this, host, {
            ...DEFAULTS,
            maxPendingExchanges: MAX_PENDING,
            tunnels,
          }));
        },
      },
    });
    if (plan.isWatched) {
      this.engine.use((req: IncomingMessage, res: ServerResponse, next: () => void) => {
        plan.observer.onHandled(this, req, res);
        next();
      });
    }
    this.engine.on("connection", (session: Session) => {
      plan.observer.onSession(this, session);
      session.on("close", () => plan.observer.onSessionEnd(session));
    });
    this.io = new SocketIo({ clock, serveClient: false, adapter: (nsp: unknown) => createBusAdapter(nsp, this.bus) });
    this.io.on("connection", (socket) => plan.observer.onSocket(socket));
    this.io.bind(this.engine);
    this.#http = createServer((req, res) => this.engine.handleRequest(req, res));
    this.#http.on("upgrade", (req, stream, head) => this.engine.handleUpgrade(req, stream, head));
  }

  get isDead(): boolean {
    return this.state === "dead";
  }

  get isRunning(): boolean {
    return this.state !== "dead" && !this.isFrozen;
  }

  /** Whether a balancer may send requests. */
  get isListening(): boolean {
    return this.state === "starting" || this.state === "up" || this.state === "draining";
  }

  /** What waits in the bus and the adapter. */
  get queues(): { heldBytes: number; requests: number } {
    const { pending } = this.io.of("/").adapter as BusAdapter;
    return { heldBytes: this.bus.heldBytes, requests: pending };
  }

  // ---- Peers -------------------------------------------------------------------------------------------------------

  get tag(): string {
    return this.state === "starting" ? "" : this.name;
  }

  get(tag: string): Link | undefined {
    return this.links.get(tag);
  }

  all(): Iterable<Link> {
    return this.links.values();
  }

  standing(tag: string): Standing {
    if (this.state === "starting") return "starting";
    return this.links.has(tag) ? "open" : (this.#others.get(tag) ?? "unknown");
  }

  whenJoined(): Promise<void> {
    if (this.state !== "starting") return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      this.#plan.clock.of(this).after(2000, () => reject(new Error("not joined")));
    });
  }

  join(): void {
    this.state = "up";
    for (const resolve of this.#waiting) resolve();
  }

  // ---- links -------------------------------------------------------------------------------------------------------

  meet(tag: string): void {
    if (!this.links.has(tag)) this.#others.set(tag, "unreachable");
  }

  onOpen(link: SimLink): void {
    this.links.set(link.name, link);
    this.#others.delete(link.name);
    this.relay.onOpen(link);
  }

  onFrame(link: SimLink, frame: Frame): void {
    if (frame.type === "MESSAGE") this.bus.onFrame(link, frame);
    else this.relay.onFrame(link, frame);
  }

  onDrain(link: SimLink): void {
    this.relay.onDrain(link);
    this.bus.onDrain(link);
  }

  onEnd(link: SimLink): void {
    if (this.links.get(link.name) !== link) return;
    this.links.delete(link.name);
    this.#others.set(link.name, "unreachable");
  }

  onClose(link: SimLink, end: LinkEnd): void {
    if (end === "gone") this.lose(link.name);
    this.relay.onClose(link, end);
    this.bus.onClose(link, end);
  }

  /** The process of another node has ended. */
  lose(tag: string): void {
    if (!this.links.has(tag)) this.#others.set(tag, { lostAt: this.#plan.clock.now });
  }

  // ---- the life ----------------------------------------------------------------------------------------------------

  /** A connection of a client. */
  accept(line: Line): void {
    this.#http.emit("connection", line);
  }

  /** Moves the clients away. */
  drain(): void {
    this.state = "draining";
    void this.engine.drain({ deadline: 2000 }).then(() => (this.isDrained = true));
  }

  /** Closes the engine, then the links. */
  leave(): void {
    this.engine.close();
    this.state = "closed";
    for (const link of this.links.values()) link.leave();
  }

  /** The process ends. */
  die(): void {
    this.state = "dead";
    this.#plan.clock.forget(this);
    for (const line of this.lines) line.kill();
  }
}

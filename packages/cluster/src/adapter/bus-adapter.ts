import { type BroadcastOptions, type Room, SessionAwareAdapter } from "@portage/server/adapter";
import {
  type AdapterNamespace,
  type AdapterPacket,
  kCollectAnswers,
  type KeepingAdapter,
  kEngineClock,
  kOneSocket,
  kGuardsItself,
  type OnCollected,
  type RestoredSession,
  kWhenTaken,
  serverClock,
} from "@portage/server/relay";
import type { LogPosition } from "../order/log.ts";
import type { RecordOwner } from "../recovery/store.ts";
import type { Bus } from "./bus.ts";
import type { SessionSide } from "./hand-over.ts";
import type { LateAnswers } from "./late-answers.ts";
import { type CommandMessage, toWire } from "./messages.ts";
import { RemoteSide } from "./remote-side.ts";

/** Milliseconds between two looks at the sessions that other nodes may take. */
const LOOK = 20;

/** Types of packets that go to other nodes. */
const EVENTS: ReadonlySet<number> = new Set([2, 5]);

type OnServersAnswered = (error: Error | null, answers: readonly unknown[]) => void;

/**
 * The adapter of a node: rooms and sockets are in memory, and the bus carries broadcasts and requests to the other nodes.
 *
 * A broadcast is encoded once, for the clients of all nodes. Each node delivers to its own clients at once, and what other
 * nodes send in their order.
 */
export class BusAdapter extends SessionAwareAdapter implements KeepingAdapter {
  readonly #remote: RemoteSide;

  /** Links admit only nodes that know the secret. */
  get [kGuardsItself](): true {
    return true;
  }

  constructor(nsp: unknown, bus: Bus) {
    super(nsp);
    this.#remote = new RemoteSide(bus, {
      nsp: nsp as AdapterNamespace,
      receive: (parts) => this.receivePacket(parts),
      deliver: (packet, opts, origin) => this.deliverEncoded(packet, opts, origin),
      sessions: this.keepsSessions ? this.#sessionSide() : undefined,
      ask: (packet, opts, onAsked, onAnswer) => this.askEncoded(packet, opts, onAsked, onAnswer),
      forgetAcks: (id) => this.forgetAcks(id),
      reached: () => this.reached,
      runAfter: (position, run) => this.runAfter(position, run),
      publishQuestion: (question, askOwn) => this.publishQuestion(question, askOwn),
      giveRecord: (pid, term, to) => this.giveRecord(pid, term, to),
      fetchSockets: (opts) => super.fetchSockets(opts),
      addSockets: (opts, rooms) => super.addSockets(opts, rooms),
      delSockets: (opts, rooms) => super.delSockets(opts, rooms),
      disconnectSockets: (opts, close) => super.disconnectSockets(opts, close),
    });
  }

  #sessionSide(): SessionSide {
    return {
      nsp: this.nsp as AdapterNamespace,
      restore: (pid, offset) => super.restoreSession(pid, offset),
      adopt: (session, missed) => this.adoptSession(session, missed),
      forEachOfNodes: (visit) => this.forEachOfNodes(visit),
      breakLog: () => this.breakLog(),
    };
  }

  /** See `LocalSide`. */
  protected giveRecord(_pid: string, _term: string, _to: string): Buffer | undefined {
    return undefined;
  }

  /** See `LocalSide`. */
  protected get reached(): LogPosition | undefined {
    return undefined;
  }

  /** See `LocalSide`. */
  protected runAfter(_position: LogPosition | undefined, run: () => void): void {
    run();
  }

  /** Asks the last owner of a session for its record. Undefined: it has none, or does not answer in time. */
  protected askRecord(owner: RecordOwner, pid: string): Promise<Buffer | undefined> {
    return this.#remote.askRecord(owner, pid);
  }

  /** The answers of listeners whose session has moved to another node, or from one. */
  protected get lateAnswers(): LateAnswers {
    return this.#remote.late;
  }

  /** Whether other nodes may still need this one. */
  protected get isAwaited(): boolean {
    return this.kept.sessions > 0 || this.#remote.late.areAwaited;
  }

  override init(): void {
    this.#remote.open();
  }

  override close(): Promise<void> | void {
    this.#remote.close();
    return super.close();
  }

  /** With the option `connectionStateRecovery`, clients resume their sessions on any node. */
  protected override get keepsSessions(): boolean {
    return !!(this.nsp as AdapterNamespace).server.opts?.connectionStateRecovery;
  }

  [kWhenTaken](ms: number): Promise<void> {
    const clock = (this.nsp as AdapterNamespace).server[kEngineClock] ?? serverClock;
    const deadline = clock.now() + ms;
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.isAwaited || this.#remote.nodeCount === 0 || clock.now() >= deadline) resolve();
        else clock.after(LOOK, look);
      };
      look();
    });
  }

  /** The tag of this node. */
  protected get tag(): string {
    return this.#remote.tag;
  }

  /** Number of requests that still lack answers, for tests and metrics. */
  get pending(): number {
    return this.#remote.pending;
  }

  override serverCount(): Promise<number> {
    return Promise.resolve(1 + this.#remote.nodeCount);
  }

  // ---- broadcasts ----------------------------------------------------------------------------------------------------

  override broadcast(packet: AdapterPacket, opts: BroadcastOptions): void {
    const isLocal = opts.flags?.local === true || opts[kOneSocket] === true || !EVENTS.has(packet.type);
    if (isLocal) return super.broadcast(packet, opts);
    const encoded = this.encodePacket(packet);
    const origin = opts.flags?.volatile ? undefined : this.#remote.number();
    this.deliverEncoded(encoded, opts, origin);
    this.#remote.publish({
      kind: "BROADCAST",
      nsp: this.#nspName,
      head: { opts: toWire(opts), number: origin?.number, after: this.reached },
      parts: encoded.parts,
    });
  }

  override broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    const encoded = this.encodePacket(packet);
    const askOwn = (): void => void (packet.id = this.askEncoded(encoded, opts, clientCountCallback, ack));
    if (opts.flags?.local) return askOwn();
    const question = { packet: encoded, opts, ms: opts.flags?.timeout ?? 1 };
    this.#remote.ask(question, { onClients: clientCountCallback, onAnswer: ack }, askOwn);
  }

  /** Sends a packet that asks for acknowledgements, and collects the answers of the clients of all nodes. */
  [kCollectAnswers](packet: AdapterPacket, opts: BroadcastOptions, ms: number, onCollected: OnCollected): void {
    packet.id = this.#remote.collect({ packet: this.encodePacket(packet), opts, ms }, onCollected);
  }

  /** Returns a stored session of this node, or takes it from the node that has it. */
  override async restoreSession(pid: string, offset: string): Promise<RestoredSession | null> {
    return (await super.restoreSession(pid, offset)) ?? this.#remote.seek(pid, offset);
  }

  // ---- sockets -------------------------------------------------------------------------------------------------------

  /**
   * Returns the matching sockets: local ones as objects, the others as details.
   *
   * @throws (rejects) MissingAnswersError `CLUSTER_TIMEOUT`, or `CLUSTER_ANSWERS_MISSING` when a link was cut
   */
  override async fetchSockets(opts: BroadcastOptions): ReturnType<SessionAwareAdapter["fetchSockets"]> {
    const sockets = await super.fetchSockets(opts);
    return opts.flags?.local ? sockets : this.#remote.fetchSockets(opts, sockets);
  }

  override addSockets(opts: BroadcastOptions, rooms: Room[]): void {
    super.addSockets(opts, rooms);
    if (opts.flags?.local) return;
    this.publishCommand({ kind: "JOIN", nsp: this.#nspName, head: { opts: toWire(opts), targets: rooms } });
  }

  override delSockets(opts: BroadcastOptions, rooms: Room[]): void {
    super.delSockets(opts, rooms);
    if (opts.flags?.local) return;
    this.publishCommand({ kind: "LEAVE", nsp: this.#nspName, head: { opts: toWire(opts), targets: rooms } });
  }

  override disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    super.disconnectSockets(opts, close);
    if (opts.flags?.local) return;
    this.publishCommand({ kind: "DISCONNECT", nsp: this.#nspName, head: { opts: toWire(opts), close } });
  }

  /** Sends a command to the other nodes. */
  protected publishCommand(command: CommandMessage): void {
    this.#remote.publish(command);
  }

  /** Sends ASK to the other nodes, and calls `askOwn` to ask the clients of this one. */
  protected publishQuestion(question: CommandMessage, askOwn: () => void): void {
    askOwn();
    this.publishCommand(question);
  }

  /** Sends an encoded message to the other nodes over the links. */
  protected publishEncoded(message: Buffer): void {
    this.#remote.publishEncoded(message);
  }

  /** Obeys a command of another node that has come over the log. */
  protected obey(from: string, command: Buffer): void {
    this.#remote.obey(from, command);
  }

  // ---- servers -------------------------------------------------------------------------------------------------------

  /** Sends an event to the other servers. A function as last element gets an error or null, and their answers. */
  override serverSideEmit(packet: unknown[]): void {
    const onEnd = packet.at(-1);
    if (typeof onEnd === "function") this.#remote.question(packet.slice(0, -1), onEnd as OnServersAnswered);
    else this.#remote.emit(packet);
  }

  get #nspName(): string {
    return (this.nsp as AdapterNamespace).name;
  }
}

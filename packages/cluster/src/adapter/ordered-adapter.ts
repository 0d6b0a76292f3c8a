import { randomBytes } from "node:crypto";
import type { BroadcastOptions, Room, SocketId } from "@portage/server/adapter";
import {
  type AdapterNamespace,
  type AdapterPacket,
  type Clock,
  type EncodedPacket,
  failAdapter,
  hasLastText,
  isMeantFor,
  kCollectAnswers,
  kEngineClock,
  kFinishSending,
  kOneSocket,
  kSendInOrder,
  type OnCollected,
  randomId,
  type RestoredSession,
  type SessionToPersist,
  runNextTick,
  serverClock,
  SocketIoError,
  withOffset,
} from "@portage/server/relay";
import { sizeInBytes } from "../order/entry.ts";
import type { ClusterLog, LogPosition } from "../order/log.ts";
import { formatOffset, NO_OFFSET } from "../order/offset.ts";
import { OrderedNamespace } from "../order/ordered-namespace.ts";
import type { Bus } from "./bus.ts";
import { BusAdapter } from "./bus-adapter.ts";
import { type CommandMessage, encodeMessage } from "./messages.ts";
import { decodePayload, encodeCommand, encodePayload } from "./ordered-payload.ts";

/** The type of packets that are logged. */
const EVENT_TYPE = 2;

/** An event, as it is delivered. */
export interface OrderedEvent {
  readonly packet: EncodedPacket;
  opts: BroadcastOptions;
  /** A command has no receivers: this is called instead. */
  readonly command?: (position: LogPosition | undefined) => void;
}

/** The receivers and the packet of a command. A socket is never in such a room. */
const WITHOUT_RECEIVERS = { rooms: new Set<Room>([randomId()]) };
const EMPTY_PACKET: EncodedPacket = { parts: [], event: { data: [] } };

export interface OrderedSettings {
  readonly log: ClusterLog;
  /** Most bytes of events that wait for the log; see the options of the cluster. */
  readonly maxQueuedBytes: number;
  /** A node does not keep the order for now, or keeps it again. */
  readonly onDegraded: (isDegraded: boolean) => void;
  /** An event of this node came back from the log after this time, in milliseconds. */
  readonly onLag: (ms: number) => void;
}

type OnAnswer = (...args: unknown[]) => void;

/**
 * The adapter of a node whose clients can resume on any node: recoverable events go through the log, and all nodes deliver
 * them in its order. So do commands to the sockets of other nodes. The other events go over the links, after all earlier events
 * of this node.
 */
export class OrderedAdapter extends BusAdapter {
  readonly events: OrderedNamespace<OrderedEvent>;
  /** Packets that were encoded before they can be sent: the program may change its arguments. */
  readonly #encoded = new WeakMap<AdapterPacket, EncodedPacket>();

  constructor(nsp: unknown, bus: Bus, { log, maxQueuedBytes, onDegraded, onLag }: OrderedSettings) {
    super(nsp, bus);
    const { name, server } = this.#namespace;
    const clock: Clock = server[kEngineClock] ?? serverClock;
    const writer = randomBytes(6).toString("base64url");
    const atEndOfTurn = (fn: () => void): void => runNextTick(fn, undefined);
    this.events = new OrderedNamespace<OrderedEvent>(
      { nsp: name, writer, log, clock, atEndOfTurn, maxQueuedBytes },
      {
        decode: (payload) => this.#decode(payload),
        deliver: (event, position, skipped) => this.#deliver(event, position, skipped),
        onLost: () => this.#closeConnections(this.#namespace.sockets.keys()),
        onAhead: (sids) => this.#closeConnections(sids),
        onDegraded,
        onLag,
        onDropped: () => this.#report(messageTooLarge("events of more than maxQueuedBytes wait for the log")),
      },
    );
  }

  get #namespace(): AdapterNamespace {
    return this.nsp as AdapterNamespace;
  }

  /** Sessions and events are in the store and the log, not in the memory of this node. */
  protected override get keepsSessions(): boolean {
    return false;
  }

  override init(): void {
    super.init();
    this.events.open();
  }

  override close(): Promise<void> | void {
    this.events.close();
    return super.close();
  }

  override persistSession(_session: SessionToPersist): void {}

  override restoreSession(): Promise<RestoredSession | null> {
    return Promise.resolve(null);
  }

  // ---- emitting ----------------------------------------------------------------------------------------------------

  override broadcast(packet: AdapterPacket, opts: BroadcastOptions): void {
    const { flags } = opts;
    const encoded = this.#encodeNow(packet);
    const isForOthers = !flags?.local && packet.type === EVENT_TYPE;
    if (isForOthers && packet.id === undefined && !flags?.volatile) return this.#append(encoded, opts);
    // An event that is acknowledged has no offset: clients take none from it.
    const send = (receivers: BroadcastOptions): void =>
      packet.id === undefined ? this.deliverEncoded(encoded, receivers) : super.deliverEncoded(encoded, receivers);
    const run = isForOthers && !opts[kOneSocket] ? () => super.broadcast(packet, opts) : () => send(opts);
    this.events.runInOrder({ run, runFor: (sid) => this.#sendTo(sid, opts, send) });
  }

  override broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: OnAnswer,
  ): void {
    this.#encodeNow(packet);
    this.#ask(opts, () => super.broadcastWithAck(packet, opts, clientCountCallback, ack));
  }

  override [kCollectAnswers](
    packet: AdapterPacket,
    opts: BroadcastOptions,
    ms: number,
    onCollected: OnCollected,
  ): void {
    this.#encodeNow(packet);
    this.#ask(opts, () => super[kCollectAnswers](packet, opts, ms, onCollected));
  }

  /** Sockets are in the rooms that this node has given them before. */
  override async fetchSockets(opts: BroadcastOptions): ReturnType<BusAdapter["fetchSockets"]> {
    if (!opts.flags?.local) await new Promise<void>((resolve) => this.events.runInOrder({ run: resolve }));
    return super.fetchSockets(opts);
  }

  protected override get reached(): LogPosition | undefined {
    return this.events.reached;
  }

  protected override runAfter(position: LogPosition | undefined, run: () => void): void {
    this.events.runAfter(position, run);
  }

  /** Questions to other nodes go over the log, and wait there. */
  #ask({ flags }: BroadcastOptions, ask: () => void): void {
    if (flags?.local) this.events.runInOrder({ run: ask });
    else ask();
  }

  [kSendInOrder](run: () => void, sid?: SocketId): void {
    this.events.runInOrder({ run, sid });
  }

  /** The socket will not be there when its events come back from the log. */
  [kFinishSending]({ id }: { readonly id: string }): void {
    this.events.finish(id, (event) => this.#deliverTo(id, event, undefined));
  }

  /** Encodes a packet now, although it may be sent later. */
  #encodeNow(packet: AdapterPacket): EncodedPacket {
    const encoded = this.#encode(packet);
    this.#encoded.set(packet, encoded);
    return encoded;
  }

  #encode(packet: AdapterPacket): EncodedPacket {
    const { parts } = super.encodePacket(packet);
    return { parts, event: { data: packet.data.slice() } };
  }

  protected override encodePacket(packet: AdapterPacket): EncodedPacket {
    return this.#encoded.get(packet) ?? super.encodePacket(packet);
  }

  #append(packet: EncodedPacket, opts: BroadcastOptions): void {
    const payload = encodePayload(opts, packet.parts);
    if (this.events.mayEmit(payload)) return this.events.emit({ packet, opts }, payload);
    this.#report(messageTooLarge(`an event of ${sizeInBytes(payload)} bytes exceeds maxQueuedBytes`));
    const send = (receivers: BroadcastOptions): void => this.deliverEncoded(packet, receivers);
    this.events.runInOrder({ run: () => send(opts), runFor: (sid) => this.#sendTo(sid, opts, send) });
  }

  /** The other nodes obey a command between the same events. `onTurn`: what this node does then. */
  protected override publishCommand(command: CommandMessage, onTurn: () => void = () => undefined): void {
    try {
      const { isOrdered } = this.events;
      const head = isOrdered ? { ...command.head, once: randomId() } : command.head;
      const message = Buffer.concat(encodeMessage({ ...command, head } as CommandMessage));
      const send = (position?: LogPosition): void => {
        onTurn();
        // The log is away, or has lost the command.
        if (position === undefined) this.publishEncoded(message);
      };
      const payload = encodeCommand({ from: this.tag, message });
      if (!isOrdered || !this.events.mayEmit(payload)) return this.events.runInOrder({ run: send });
      this.events.emit({ packet: EMPTY_PACKET, opts: WITHOUT_RECEIVERS, command: send }, payload);
    } catch (error) {
      this.#report(error);
    }
  }

  protected override publishQuestion(question: CommandMessage, askOwn: () => void): void {
    this.publishCommand(question, askOwn);
  }

  /** A socket that leaves a room gets what this node has emitted for it before. */
  override del(id: SocketId, room: Room): Promise<void> | void {
    if (this.events.isHolding) {
      for (const event of this.events.held()) {
        const { opts } = event;
        if (opts.rooms.has(room))
          this.#sendTo(id, opts, () => (event.opts = { ...opts, rooms: new Set([...opts.rooms, id]) }));
      }
    }
    return super.del(id, room);
  }

  // ---- delivering --------------------------------------------------------------------------------------------------

  #decode(payload: Buffer): OrderedEvent | undefined {
    try {
      const decoded = decodePayload(payload);
      if (decoded === undefined) throw new SocketIoError("CLUSTER_MESSAGE_INVALID");
      if ("from" in decoded) {
        return {
          packet: EMPTY_PACKET,
          opts: WITHOUT_RECEIVERS,
          command: () => this.obey(decoded.from, decoded.message),
        };
      }
      return { packet: this.receivePacket(decoded.parts), opts: decoded.opts };
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #deliver(event: OrderedEvent, position: LogPosition | undefined, skipped: readonly string[] = []): void {
    const { packet, opts, command } = event;
    if (command !== undefined) return command(position);
    const receivers = skipped.length === 0 ? opts : { ...opts, except: new Set([...(opts.except ?? []), ...skipped]) };
    try {
      this.deliverWithOffset(withOffset(packet, offsetOf(position), this.#namespace), packet, receivers);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Clients take any text at the end of an event for its offset: an event that is not logged gets the last one. */
  protected override deliverEncoded(packet: EncodedPacket, opts: BroadcastOptions): void {
    if (!hasLastText(packet, this.#namespace)) return super.deliverEncoded(packet, opts);
    const { ahead, delivered } = this.events;
    this.#deliver({ packet, opts }, delivered, [...ahead.keys()]);
    // The last offset of this node is behind what these have: they would get events twice when they return.
    for (const [id, position] of ahead) this.#deliverTo(id, { packet, opts }, position);
  }

  /** Delivers an event to one socket, if it is among the receivers. */
  #deliverTo(id: SocketId, { packet, opts }: OrderedEvent, position: LogPosition | undefined): void {
    this.#sendTo(id, opts, (receivers) => this.#deliver({ packet, opts: receivers }, position));
  }

  /** Calls `send` for one socket, if it is among the receivers. */
  #sendTo(id: SocketId, opts: BroadcastOptions, send: (receivers: BroadcastOptions) => void): void {
    const rooms = [...(this.socketRooms(id) ?? [])];
    if (!isMeantFor({ sid: id, rooms }, opts, (room) => rooms.includes(room))) return;
    send({ ...opts, rooms: new Set([id]), except: new Set() });
  }

  /** Clients that go on would lack events, or get some twice. When they return, they resume from what they have, or begin anew. */
  #closeConnections(sids: Iterable<SocketId>): void {
    const { sockets } = this.#namespace;
    for (const sid of sids) sockets.get(sid)?.client.conn?.close?.();
  }

  #report(error: unknown): void {
    failAdapter(error, this.#namespace, "thrown");
  }
}

const messageTooLarge = (text: string): SocketIoError => new SocketIoError("CLUSTER_MESSAGE_TOO_LARGE", text);

function offsetOf(position: LogPosition | undefined): string {
  return position === undefined ? NO_OFFSET : formatOffset(position);
}

import type { Packet } from "@portage/parser/socket";
import { callEach, Emitter, listen } from "../emitter.ts";
import { after } from "../engine/index.ts";
import type { DefaultEventsMap, EventNames, EventParams, EventsMap } from "../typed-events.ts";
import { Restraint } from "./connection/backoff.ts";
import { ClientError } from "./errors.ts";
import type { BaseManager } from "./manager.ts";
import type { ManagerReservedEvents } from "./connection/events.ts";
import type { SocketOptions } from "./options.ts";
import { ACK, CONNECT, CONNECT_ERROR, DISCONNECT, type OutgoingPacket, RESERVED } from "./codec/packet.ts";
import { failAcks, takeAck } from "./sending/acks.ts";
import { enqueue, sendNext } from "./sending/retry-queue.ts";
import { send, sendKept } from "./sending/send.ts";
import type { Sender } from "./sending/sender.ts";
import type {
  DisconnectDescription,
  DisconnectReason as Reason,
  Flags,
  QueuedPacket,
  SocketReservedEvents,
} from "./socket-types.ts";
import type {
  Ack,
  AllButLast,
  AnyListener,
  Auth,
  DecorateAcknowledgements,
  FirstArg,
  Last,
  MessageParams,
} from "./typed-events.ts";

// for programs that import these types from the reference's file of this name
export type { DisconnectDescription, SocketReservedEvents, SocketOptions };
export type { AllButLast, DecorateAcknowledgements, ExtendedError, FirstArg, Last } from "./typed-events.ts";

/** Data of the server's answer to CONNECT. */
interface ConnectAnswer {
  readonly sid?: string;
  readonly pid?: string;
  readonly message?: unknown;
  readonly data?: unknown;
}

/**
 * A connection to one namespace of a server.
 *
 * @typeParam ListenEvents events that the server sends
 * @typeParam EmitEvents events that the client sends
 * @example
 * const socket = io();
 * socket.on("connect", () => console.log(socket.id));
 * socket.emit("hello", "world", (answer) => console.log(answer));
 */
export class Socket<ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>
  extends Emitter<ListenEvents, EmitEvents, SocketReservedEvents>
  implements Sender
{
  /** The manager of the connection. */
  declare readonly io: BaseManager<ListenEvents, EmitEvents>;
  /** The id that the server uses too; undefined while disconnected, a new one after each reconnection. */
  declare id: string | undefined;
  /** Whether the server has accepted the socket. */
  connected = false;
  /** Whether the server has recovered the socket, including the events sent meanwhile. */
  recovered = false;
  /** Credentials, sent with each connection; may be changed at any time. */
  declare auth: Auth | undefined;
  /** Events that arrived before the socket was connected. */
  receiveBuffer: unknown[][] = [];
  /** Events queued until the socket is connected. */
  sendBuffer: OutgoingPacket[] = [];
  /** Events queued until acknowledged, see the option `retries`. */
  readonly _queue: QueuedPacket[] = [];
  /** Callbacks of pending acknowledgements, by id. */
  readonly acks: Record<number, Ack> = {};
  /** The name of the namespace. */
  declare readonly nsp: string;
  /** Flags of the next event. */
  flags: Flags = {};
  /** For recovery: the private id, and the offset of the last event. */
  declare _pid: string | undefined;
  declare _lastOffset: string | undefined;
  declare readonly _opts: Partial<SocketOptions>;
  /** Remove the listeners from the manager; undefined while the program wants no connection. */
  declare subs: (() => void)[] | undefined;
  ids = 0;
  declare _anyListeners: AnyListener[] | undefined;
  declare _anyOutgoingListeners: AnyListener[] | undefined;
  readonly restraint_ = new Restraint();
  /** Cancels a delayed `connect()`. */
  declare postponed_: (() => void) | undefined;

  /** For `io()` and {@link Manager.socket}. */
  constructor(io: BaseManager<ListenEvents, EmitEvents>, nsp: string, opts: Partial<SocketOptions> = {}) {
    super();
    this.io = io;
    this.nsp = nsp;
    this._opts = { ...opts };
    this.auth = opts.auth || undefined;
    if (io._autoConnect) this.connect();
  }

  /** Whether the socket is not connected. */
  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected, or connects as soon as its manager does. */
  get active(): boolean {
    return !!(this.subs ?? this.postponed_);
  }

  /**
   * Connects the socket, and its manager if needed. If a program connects again after each refusal, the first attempt
   * starts at once, later ones after growing delays.
   */
  connect(): this {
    if (this.connected || this.postponed_) return this;
    const delay = this.active ? 0 : this.restraint_.delay(this.io.backoff);
    const go = (): void => {
      this.postponed_ = undefined;
      join(this);
    };
    if (delay) this.postponed_ = after(this.io, delay, go);
    else go();
    return this;
  }

  /** The same as {@link connect}. */
  open(): this {
    return this.connect();
  }

  /** Emits `message`, as WebSocket's `send` does. */
  send(...args: MessageParams<EmitEvents>): this {
    // cast: whether a map that is not known yet has `message` is not known either
    return this.emit("message", ...(args as unknown as EventParams<EmitEvents, "message">));
  }

  /**
   * Sends an event to the server. A function as the last argument receives the acknowledgement. While the socket is not
   * connected, events are queued in {@link sendBuffer}.
   *
   * @throws ClientError `RESERVED_EVENT`, `INVALID_EVENT`, `NOT_ENCODABLE`; the event is then dropped
   * @example socket.emit("hello", 1, { two: Uint8Array.of(3) }, (answer) => console.log(answer));
   */
  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    const { flags } = this;
    this.flags = {};
    // other servers end the connection for the JSON of such a name
    if (typeof ev !== "string" && !Number.isFinite(ev)) {
      throw new ClientError("INVALID_EVENT", `${String(ev)} is not an event name`);
    }
    if (RESERVED.test(ev as string))
      throw new ClientError("RESERVED_EVENT", `"${String(ev)}" is a reserved event name`);
    const data: unknown[] = [ev, ...args];
    const { retries } = this._opts;
    if (retries && !flags.volatile) enqueue(this, data, flags, retries);
    else send(this, data, flags);
    return this;
  }

  /**
   * Sends an event and returns its acknowledgement.
   *
   * @returns the acknowledgement's first argument; rejects with `ACK_TIMEOUT` (`timeout()`, `ackTimeout`), `ACK_DISCONNECTED`
   * @example const answer = await socket.timeout(5000).emitWithAck("hello", "world");
   */
  emitWithAck<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstArg<Last<EventParams<EmitEvents, Ev>>>> {
    return new Promise((resolve, reject) => {
      const ack: Ack = (error, response) => (error ? reject(error) : resolve(response));
      ack.withError_ = true;
      this.emit(ev, ...([...args, ack] as EventParams<EmitEvents, Ev>));
    });
  }

  /** Sends a packet in this namespace. */
  packet(packet: OutgoingPacket): void {
    packet.nsp = this.nsp;
    this.io._packet(packet);
  }

  /** Joins the namespace, once the manager's connection is open. */
  onopen(): void {
    const { auth } = this;
    const { engine } = this.io;
    const connect = (data?: object): void => {
      // the connection may have changed before the program gave its credentials
      if (engine === this.io.engine && this.io._readyState === "open" && !this.connected) sendConnect(this, data);
    };
    if (typeof auth === "function") auth(connect);
    else connect(auth);
  }

  /** Handles the end of the connection, and fails acknowledgements. */
  onclose(reason: Reason, details?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    this.emitReserved("disconnect", reason, details);
    failAcks(this);
  }

  /** Handles a packet of the manager; ignores those for other namespaces. */
  onpacket(packet: Packet): void {
    if (packet.nsp !== this.nsp) return;
    const data = packet.data as ConnectAnswer | undefined;
    const { type } = packet;
    if (type === CONNECT) {
      if (data?.sid) this.onconnect(data.sid, data.pid);
      else emitRefusal(this, "SERVER_TOO_OLD", "the server is older than Socket.IO 3");
    } else if (type === CONNECT_ERROR) {
      this.ondisconnect();
      emitRefusal(this, "CONNECT_REFUSED", data?.message ?? data, data?.data);
    } else if (type === DISCONNECT) this.ondisconnect(true);
    else if (type === ACK) this.onack(packet);
    else this.onevent(packet);
  }

  /** Handles a disconnection or a refusal by the server. */
  ondisconnect(wasConnected: boolean = this.connected): void {
    this.restraint_.failed_();
    this.destroy();
    if (wasConnected) this.onclose("io server disconnect");
  }

  /** Handles an event. Programs older than {@link onAny} replace this method. */
  onevent(packet: Packet): void {
    const { data = [], id } = packet as { data?: unknown[]; id?: number | null };
    if (id != null) data.push(this.ack(id));
    if (this.connected) this.emitEvent(data);
    else this.receiveBuffer.push(data);
  }

  /** Returns a function that acknowledges an event once, on the event's own connection only. */
  ack(id: number): (...data: unknown[]) => void {
    let { engine } = this.io as { engine: unknown };
    return (...data) => {
      if (engine === this.io.engine) this.packet({ type: ACK, id, data });
      engine = undefined;
    };
  }

  /** Calls the listeners of an event. */
  emitEvent(data: unknown[]): void {
    callEach(this.listenersAny().slice(), this, data);
    this.emitReserved(...(data as ["connect"]));
    const offset = data.at(-1);
    if (this._pid && typeof offset === "string") this._lastOffset = offset;
  }

  /** Handles an acknowledgement of the server. */
  onack({ id, data }: Packet): void {
    const ack = takeAck(this, id as number);
    ack?.apply(this, ack.withError_ ? [null, ...(data as unknown[])] : (data as unknown[]));
  }

  /** Handles the server's consent, and sends what is buffered. */
  onconnect(id: string, pid: string | undefined): void {
    this.id = id;
    this.recovered = !!pid && this._pid === pid;
    this._pid = pid;
    this.connected = true;
    this.restraint_.opened_();
    for (let event; this.connected && (event = this.receiveBuffer.shift());) this.emitEvent(event);
    sendKept(this);
    sendNext(this);
    // a listener may have disconnected the socket
    if (this.connected) this.emitReserved("connect");
  }

  /** Leaves the manager. */
  destroy(): void {
    this.subs?.forEach((undo) => undo());
    this.postponed_?.();
    this.subs = this.postponed_ = undefined;
    this.io._destroy(this);
  }

  /** Leaves the namespace until {@link connect} is called; the last socket closes the connection. */
  disconnect(): this {
    if (this.connected) this.packet({ type: DISCONNECT });
    this.destroy();
    if (this.connected) this.onclose("io client disconnect");
    return this;
  }

  /** The same as {@link disconnect}. */
  close(): this {
    return this.disconnect();
  }

  /** Sets whether the next event may be compressed. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /** Drops the next event if it can't be sent at once. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /**
   * Sets a time limit for the acknowledgement of the next event, which then receives an error or null first.
   *
   * @param timeout milliseconds
   * @example socket.timeout(5000).emit("hello", (error, answer) => {});
   */
  timeout(timeout: number): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>> {
    this.flags.timeout = timeout;
    return this;
  }

  /** Adds a listener for all received events; its first argument is the event's name. */
  onAny(listener: AnyListener): this {
    this.listenersAny().push(listener);
    return this;
  }

  /** The same as {@link onAny}, but before the other listeners. */
  prependAny(listener: AnyListener): this {
    this.listenersAny().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAny}, or all of them. */
  offAny(listener?: AnyListener): this {
    remove(this.listenersAny(), listener);
    return this;
  }

  /** Returns the listeners of {@link onAny}; the array may be changed. */
  listenersAny(): AnyListener[] {
    return (this._anyListeners ??= []);
  }

  /** Adds a listener for all sent events, except acknowledgements; its first argument is the event's name. */
  onAnyOutgoing(listener: AnyListener): this {
    this.listenersAnyOutgoing().push(listener);
    return this;
  }

  /** The same as {@link onAnyOutgoing}, but before the other listeners. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.listenersAnyOutgoing().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAnyOutgoing}, or all of them. */
  offAnyOutgoing(listener?: AnyListener): this {
    remove(this.listenersAnyOutgoing(), listener);
    return this;
  }

  /** Returns the listeners of {@link onAnyOutgoing}; the array may be changed. */
  listenersAnyOutgoing(): AnyListener[] {
    return (this._anyOutgoingListeners ??= []);
  }
}

// Functions instead of private methods, so that they stay out of the public class and work on proxies of a socket.

type AnySocket = Socket<DefaultEventsMap, DefaultEventsMap>;

function join(self: AnySocket): void {
  const { io } = self;
  const wasActive = self.active;
  self.subs ??= [
    listen<ManagerReservedEvents>(io, {
      open: () => self.onopen(),
      packet: (packet) => self.onpacket(packet),
      carried: () => sendKept(self),
      error: (error) => {
        if (!self.connected) self["emitReserved"]("connect_error", error);
      },
      close: (reason, details) => self.onclose(reason as Reason, details),
    }),
  ];
  if (!io._reconnecting) io.open();
  // servers treat a second CONNECT as an attack
  if (!wasActive && io._readyState === "open") self.onopen();
}

function sendConnect(self: AnySocket, data?: object): void {
  const {
    _pid: pid,
    _lastOffset: offset,
    _opts: { retries },
  } = self;
  try {
    // a recovered session gets again what came on an earlier connection
    if (pid) self.receiveBuffer = [];
    // with `retries`, the server remembers its answers
    self.packet({ type: CONNECT, data: pid || retries ? { pid, offset, retries, ...data } : data });
  } catch (error) {
    self.destroy();
    self["emitReserved"]("connect_error", error as Error);
  }
}

function emitRefusal(self: AnySocket, code: ClientError["code"], message: unknown, data?: unknown): void {
  self["emitReserved"]("connect_error", new ClientError(code, String(message), { data, retry: "no" }));
}

function remove(listeners: AnyListener[], listener?: AnyListener): void {
  const index = listeners.indexOf(listener as AnyListener);
  if (!listener) listeners.length = 0;
  else if (index >= 0) listeners.splice(index, 1);
}

export declare namespace Socket {
  /** The reason of a disconnection. */
  type DisconnectReason = Reason;
}

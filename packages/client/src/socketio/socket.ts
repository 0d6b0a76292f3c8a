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

// the names of the reference's own module, for programs that import its types from there
export type { DisconnectDescription, SocketReservedEvents, SocketOptions };
export type { AllButLast, DecorateAcknowledgements, ExtendedError, FirstArg, Last } from "./typed-events.ts";

/** What a server answers to CONNECT. */
interface Answer {
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
  /** What opens and reopens the connection. */
  declare readonly io: BaseManager<ListenEvents, EmitEvents>;
  /** Id of the session, the same as on the server; undefined while disconnected, another one after each connection. */
  declare id: string | undefined;
  /** Whether the server has let the socket in. */
  connected = false;
  /** Whether the server has restored the session, so that nothing it sent meanwhile is missing. */
  recovered = false;
  /** Sent when the socket connects; may be changed any time. */
  declare auth: Auth | undefined;
  /** Events that arrived before the socket was connected. */
  receiveBuffer: unknown[][] = [];
  /** Events that wait for the connection. */
  sendBuffer: OutgoingPacket[] = [];
  /** Events that wait for their acknowledgement, see the option `retries`. */
  readonly _queue: QueuedPacket[] = [];
  /** Acknowledgements that are due, by id. */
  readonly acks: Record<number, Ack> = {};
  /** Name of the namespace. */
  declare readonly nsp: string;
  /** How the next event is to be sent. */
  flags: Flags = {};
  /** What a server with recovery needs to know: the session id, the offset of the last event. */
  declare _pid: string | undefined;
  declare _lastOffset: string | undefined;
  declare readonly _opts: Partial<SocketOptions>;
  /** End listening to the manager; undefined while the socket is not meant to be connected. */
  declare subs: (() => void)[] | undefined;
  ids = 0;
  declare _anyListeners: AnyListener[] | undefined;
  declare _anyOutgoingListeners: AnyListener[] | undefined;
  readonly restraint_ = new Restraint();
  /** Takes back a connect() that waits. */
  declare postponed_: (() => void) | undefined;

  /** Made by `io()` and {@link Manager.socket}. */
  constructor(io: BaseManager<ListenEvents, EmitEvents>, nsp: string, opts: Partial<SocketOptions> = {}) {
    super();
    this.io = io;
    this.nsp = nsp;
    this._opts = { ...opts };
    this.auth = opts.auth || undefined;
    if (io._autoConnect) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected, or will be as soon as its manager is. */
  get active(): boolean {
    return !!(this.subs ?? this.postponed_);
  }

  /**
   * Connects the socket, and its manager if need be. A program that answers each refusal of the server with this is served
   * at once the first time, later after delays that grow.
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
   * Sends an event to the server. A function as the last argument is called with what the server acknowledges.
   * Events wait in {@link sendBuffer} while the socket is not connected.
   *
   * @throws ClientError `RESERVED_EVENT`, `INVALID_EVENT`, `NOT_ENCODABLE`: nothing of the event is kept then
   * @example socket.emit("hello", 1, { two: Uint8Array.of(3) }, (answer) => console.log(answer));
   */
  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    const { flags } = this;
    this.flags = {};
    // other servers end the connection for what JSON makes of such a name
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
   * Sends an event and waits for its acknowledgement.
   *
   * @returns what the server acknowledges; rejected with `ACK_TIMEOUT` after `timeout()`, and with `ACK_DISCONNECTED`
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

  packet(packet: OutgoingPacket): void {
    packet.nsp = this.nsp;
    this.io._packet(packet);
  }

  onopen(): void {
    const { auth } = this;
    const { engine } = this.io;
    const connect = (data?: object): void => {
      // credentials that were long in coming may find another connection
      if (engine === this.io.engine && this.io._readyState === "open" && !this.connected) sendConnect(this, data);
    };
    if (typeof auth === "function") auth(connect);
    else connect(auth);
  }

  onclose(reason: Reason, details?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    this.emitReserved("disconnect", reason, details);
    failAcks(this);
  }

  /** Takes a packet of the manager, whichever namespace it is for. */
  onpacket(packet: Packet): void {
    if (packet.nsp !== this.nsp) return;
    const data = packet.data as Answer | undefined;
    const { type } = packet;
    if (type === CONNECT && data?.sid) this.onconnect(data.sid, data.pid);
    else if (type === CONNECT) refuse(this, "SERVER_TOO_OLD", "the server is older than Socket.IO 3");
    else if (type === CONNECT_ERROR) {
      this.ondisconnect();
      refuse(this, "CONNECT_REFUSED", data?.message ?? data, data?.data);
    } else if (type === DISCONNECT) this.ondisconnect(true);
    else if (type === ACK) this.onack(packet);
    else this.onevent(packet);
  }

  /** The server has ended the socket, or did not let it in. */
  ondisconnect(wasConnected: boolean = this.connected): void {
    this.restraint_.failed_();
    this.destroy();
    if (wasConnected) this.onclose("io server disconnect");
  }

  /** Takes an event. Programs that are older than {@link onAny} put a function of their own here. */
  onevent(packet: Packet): void {
    const { data = [], id } = packet as { data?: unknown[]; id?: number | null };
    if (id != null) data.push(this.ack(id));
    if (this.connected) this.emitEvent(data);
    else this.receiveBuffer.push(data);
  }

  /** @returns acknowledges an event once, and not to another connection than the event came from */
  ack(id: number): (...data: unknown[]) => void {
    let { engine } = this.io as { engine: unknown };
    return (...data) => {
      if (engine === this.io.engine) this.packet({ type: ACK, id, data });
      engine = undefined;
    };
  }

  emitEvent(data: unknown[]): void {
    callEach(this.listenersAny().slice(), this, data);
    this.emitReserved(...(data as ["connect"]));
    const offset = data.at(-1);
    if (this._pid && typeof offset === "string") this._lastOffset = offset;
  }

  onack({ id, data }: Packet): void {
    const ack = takeAck(this, id as number);
    ack?.apply(this, ack.withError_ ? [null, ...(data as unknown[])] : (data as unknown[]));
  }

  onconnect(id: string, pid: string | undefined): void {
    this.id = id;
    this.recovered = !!pid && this._pid === pid;
    this._pid = pid;
    this.connected = true;
    this.restraint_.opened_();
    for (let event; this.connected && (event = this.receiveBuffer.shift());) this.emitEvent(event);
    sendKept(this);
    sendNext(this);
    // a listener may have ended it
    if (this.connected) this.emitReserved("connect");
  }

  destroy(): void {
    this.subs?.forEach((undo) => undo());
    this.postponed_?.();
    this.subs = this.postponed_ = undefined;
    this.io._destroy(this);
  }

  /** Leaves the namespace and does not come back until {@link connect}; the last socket closes the connection. */
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

  /** Whether the next event may be compressed. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /** The next event is dropped if it can't be sent at once. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /**
   * The acknowledgement of the next event gets an error if it does not come in time.
   *
   * @param timeout milliseconds
   * @example socket.timeout(5000).emit("hello", (error, answer) => {});
   */
  timeout(timeout: number): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>> {
    this.flags.timeout = timeout;
    return this;
  }

  /** Adds a listener of all events of the server; it gets the name first. */
  onAny(listener: AnyListener): this {
    this.listenersAny().push(listener);
    return this;
  }

  /** The same, in front of those that are there. */
  prependAny(listener: AnyListener): this {
    this.listenersAny().unshift(listener);
    return this;
  }

  /** Removes such a listener, or all of them. */
  offAny(listener?: AnyListener): this {
    remove(this.listenersAny(), listener);
    return this;
  }

  /** The listeners of all events; the array may be changed. */
  listenersAny(): AnyListener[] {
    return (this._anyListeners ??= []);
  }

  /** Adds a listener of all events that are sent, acknowledgements excepted; it gets the name first. */
  onAnyOutgoing(listener: AnyListener): this {
    this.listenersAnyOutgoing().push(listener);
    return this;
  }

  /** The same, in front of those that are there. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.listenersAnyOutgoing().unshift(listener);
    return this;
  }

  /** Removes such a listener, or all of them. */
  offAnyOutgoing(listener?: AnyListener): this {
    remove(this.listenersAnyOutgoing(), listener);
    return this;
  }

  /** The listeners of all events that are sent; the array may be changed. */
  listenersAnyOutgoing(): AnyListener[] {
    return (this._anyOutgoingListeners ??= []);
  }
}

// What programs do not reach for. Functions, so that it is out of their way, and proxies of a socket work.

type AnySocket = Socket<DefaultEventsMap, DefaultEventsMap>;

function join(self: AnySocket): void {
  const { io } = self;
  const wasActive = self.active;
  self.subs ??= [
    listen<ManagerReservedEvents>(io, {
      open: () => self.onopen(),
      packet: (packet) => self.onpacket(packet),
      error: (error) => {
        if (!self.connected) self["emitReserved"]("connect_error", error);
      },
      close: (reason, details) => self.onclose(reason as Reason, details),
    }),
  ];
  if (!io._reconnecting) io.open();
  // the server takes a second CONNECT for an attack
  if (!wasActive && io._readyState === "open") self.onopen();
}

function sendConnect(self: AnySocket, data?: object): void {
  try {
    self.packet({ type: CONNECT, data: self._pid ? { pid: self._pid, offset: self._lastOffset, ...data } : data });
  } catch (error) {
    self.destroy();
    self["emitReserved"]("connect_error", error as Error);
  }
}

function refuse(self: AnySocket, code: ClientError["code"], message: unknown, data?: unknown): void {
  self["emitReserved"]("connect_error", new ClientError(code, String(message), { data }));
}

function remove(listeners: AnyListener[], listener?: AnyListener): void {
  const index = listeners.indexOf(listener as AnyListener);
  if (!listener) listeners.length = 0;
  else if (index >= 0) listeners.splice(index, 1);
}

export declare namespace Socket {
  /** Why a socket is disconnected. */
  type DisconnectReason = Reason;
}

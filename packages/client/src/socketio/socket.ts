import type { Packet } from "@portage/parser/socket";
import { after } from "../engine/timers.ts";
import { Emitter, listen } from "../emitter.ts";
import type { DefaultEventsMap, EventNames, EventParams, EventsMap } from "../typed-events.ts";
import { ClientError } from "./errors.ts";
import type { ManagerReservedEvents } from "./base-manager.ts";
import type { Manager } from "./manager.ts";
import type { SocketOptions } from "./options.ts";
import { ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, type OutgoingPacket, RESERVED } from "./packet.ts";
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
  Unchecked,
} from "./typed-events.ts";

export type { DisconnectDescription, SocketReservedEvents };

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
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<ListenEvents, EmitEvents, SocketReservedEvents> {
  /** What opens and reopens the connection. */
  declare readonly io: Manager<ListenEvents, EmitEvents>;
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
  /** What a server with recovery needs to know: the private session id, the offset of the last event. */
  declare _pid: string | undefined;
  declare _lastOffset: string | undefined;
  declare readonly _opts: Partial<SocketOptions>;
  /** Ends listening to the manager; undefined while the socket is not meant to be connected. */
  #unlisten: (() => void) | undefined;
  #ids = 0;
  #incoming: AnyListener[] = [];
  #outgoing: AnyListener[] = [];

  /** Made by `io()` and {@link Manager.socket}. */
  constructor(io: Manager<ListenEvents, EmitEvents>, nsp: string, opts: Partial<SocketOptions> = {}) {
    super();
    this.io = io;
    this.nsp = nsp;
    this._opts = { ...opts };
    this.auth = opts.auth;
    if (io._autoConnect) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected, or will be as soon as its manager is. */
  get active(): boolean {
    return !!this.#unlisten;
  }

  /** Connects the socket, and its manager if need be. */
  connect(): this {
    if (this.connected) return this;
    const { io } = this;
    const wasActive = this.active;
    this.#unlisten ??= listen<ManagerReservedEvents>(io, {
      open: () => this.#onOpen(),
      packet: (packet) => this.onpacket(packet),
      error: (error) => {
        if (!this.connected) this.emitReserved("connect_error", error);
      },
      close: (reason, details) => this.#onClose(reason as Reason, details),
    });
    if (!io._reconnecting) io.open();
    // the server takes a second CONNECT for an attack
    if (!wasActive && io._readyState === "open") this.#onOpen();
    return this;
  }

  /** The same as {@link connect}. */
  open(): this {
    return this.connect();
  }

  /** Emits `message`, as WebSocket's `send` does. */
  send(...args: MessageParams<EmitEvents>): this {
    return this.emit("message", ...(args as Unchecked));
  }

  /**
   * Sends an event to the server. A function as the last argument is called with what the server acknowledges.
   * Events wait in {@link sendBuffer} while the socket is not connected.
   *
   * @throws ClientError `RESERVED_EVENT`
   * @example socket.emit("hello", 1, { two: Uint8Array.of(3) }, (answer) => console.log(answer));
   */
  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    if (RESERVED.includes(ev)) throw new ClientError("RESERVED_EVENT", `"${String(ev)}" is a reserved event name`);
    const flags = this.flags;
    this.flags = {};
    const data: unknown[] = [ev, ...args];
    const { retries } = this._opts;
    if (retries && !flags.volatile) this.#enqueue(data, flags, retries);
    else this.#send(data, flags);
    return this;
  }

  /** Queues an event: it is sent when all before it are done, and `retries` times more if need be. */
  #enqueue(args: unknown[], flags: Flags, retries: number): void {
    const packet: QueuedPacket = { tryCount: 0, pending: false, args, flags };
    const ack = typeof args.at(-1) === "function" ? (args.pop() as AnyListener) : undefined;
    const done: Ack = (error: Error | null, ...response: unknown[]): void => {
      packet.pending = false;
      if (!error || packet.tryCount > retries) {
        this._queue.shift();
        ack?.(error, ...response);
      }
      this.#sendNext();
    };
    done.withError = true;
    args.push(done);
    this._queue.push(packet);
    this.#sendNext();
  }

  /** Sends the first event of the queue, unless that has been done and its acknowledgement is due. */
  #sendNext(): void {
    const packet = this._queue[0];
    if (!packet || !this.connected || packet.pending) return;
    packet.pending = true;
    packet.tryCount++;
    this.#send([...packet.args], packet.flags);
  }

  #send(data: unknown[], flags: Flags): void {
    const { engine } = this.io;
    const packet: OutgoingPacket = { type: EVENT, data, options: { compress: flags.compress !== false } };
    if (typeof data.at(-1) === "function") this.#expectAck((packet.id = this.#ids++), data.pop() as Ack, flags);
    if (flags.volatile && !engine?.transport?.writable) return;
    if (this.connected && !engine._hasPingExpired()) this.#sendEvent(packet);
    else this.sendBuffer.push(packet);
  }

  #expectAck(id: number, ack: Ack, flags: Flags): void {
    const timeout = flags.timeout ?? this._opts.ackTimeout;
    this.acks[id] = ack;
    if (timeout === undefined) return;
    const cancel = after(this.io, timeout, () => {
      delete this.acks[id];
      this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
      ack.call(this, new ClientError("ACK_TIMEOUT", "operation has timed out"));
    });
    const settle: Ack = (...args) => {
      cancel();
      ack.apply(this, args);
    };
    settle.withError = true;
    this.acks[id] = settle;
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
      ack.withError = true;
      this.emit(ev, ...([...args, ack] as EventParams<EmitEvents, Ev>));
    });
  }

  #sendEvent(packet: OutgoingPacket): void {
    for (const listener of this.#outgoing.slice()) listener.apply(this, packet.data as unknown[]);
    this.#packet(packet);
  }

  #packet(packet: OutgoingPacket): void {
    packet.nsp = this.nsp;
    this.io._packet(packet);
  }

  #onOpen(): void {
    const { auth } = this;
    const { engine } = this.io;
    const connect = (data?: object): void => {
      // credentials that were long in coming may find another connection
      if (engine !== this.io.engine || this.io._readyState !== "open" || this.connected) return;
      this.#packet({ type: CONNECT, data: this._pid ? { pid: this._pid, offset: this._lastOffset, ...data } : data });
    };
    if (typeof auth === "function") auth(connect);
    else connect(auth);
  }

  #onClose(reason: Reason, details?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    this.emitReserved("disconnect", reason, details);
    // those of events that were not sent are still due
    const unsent = new Set(this.sendBuffer.map((packet) => String(packet.id)));
    for (const [id, ack] of Object.entries(this.acks)) {
      if (unsent.has(id)) continue;
      delete this.acks[id as unknown as number];
      if (ack.withError) ack.call(this, new ClientError("ACK_DISCONNECTED", "socket has been disconnected"));
    }
  }

  /** Takes a packet of the manager, whichever namespace it is for. */
  onpacket(packet: Packet): void {
    if (packet.nsp !== this.nsp) return;
    const data = packet.data as Unchecked;
    const { type } = packet;
    if (type === CONNECT && data?.sid) this.#onConnect(data.sid, data.pid);
    else if (type === CONNECT) this.#fail("SERVER_TOO_OLD", "the server is older than Socket.IO 3");
    else if (type === CONNECT_ERROR) {
      this.#destroy();
      this.#fail("CONNECT_REFUSED", data?.message ?? data, data?.data);
    } else if (type === DISCONNECT) {
      this.#destroy();
      this.#onClose("io server disconnect");
    } else if (type === ACK) this.#onAck(packet.id as number, data);
    else this.onevent(packet);
  }

  #fail(code: ClientError["code"], message: unknown, data?: unknown): void {
    this.emitReserved("connect_error", new ClientError(code, String(message), { data }));
  }

  /** Takes an event. Programs that are older than {@link onAny} put a function of their own here. */
  onevent(packet: Packet): void {
    const { data = [], id } = packet as { data?: unknown[]; id?: number | null };
    if (id != null) {
      let { engine } = this.io as { engine: unknown };
      // acknowledges once, and not to another connection than the event came from
      data.push((...data: unknown[]) => {
        if (engine === this.io.engine) this.#packet({ type: ACK, id, data });
        engine = undefined;
      });
    }
    if (this.connected) this.#emitEvent(data);
    else this.receiveBuffer.push(data);
  }

  #emitEvent(data: unknown[]): void {
    for (const listener of this.#incoming.slice()) listener.apply(this, data);
    this.emitReserved(...(data as [Unchecked]));
    const offset = data.at(-1);
    if (this._pid && typeof offset === "string") this._lastOffset = offset;
  }

  #onAck(id: number, data: unknown[]): void {
    const ack = this.acks[id];
    if (!ack) return;
    delete this.acks[id];
    ack.apply(this, ack.withError ? [null, ...data] : data);
  }

  #onConnect(id: string, pid: string | undefined): void {
    this.id = id;
    this.recovered = !!pid && this._pid === pid;
    this._pid = pid;
    this.connected = true;
    for (let data; (data = this.receiveBuffer.shift());) this.#emitEvent(data);
    for (let packet; (packet = this.sendBuffer.shift());) this.#sendEvent(packet);
    this.#sendNext();
    this.emitReserved("connect");
  }

  #destroy(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.io._destroy(this);
  }

  /** Leaves the namespace and does not come back until {@link connect}; the last socket closes the connection. */
  disconnect(): this {
    if (this.connected) this.#packet({ type: DISCONNECT });
    this.#destroy();
    if (this.connected) this.#onClose("io client disconnect");
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
    this.#incoming.push(listener);
    return this;
  }

  /** The same, in front of those that are there. */
  prependAny(listener: AnyListener): this {
    this.#incoming.unshift(listener);
    return this;
  }

  /** Removes such a listener, or all of them. */
  offAny(listener?: AnyListener): this {
    remove(this.#incoming, listener);
    return this;
  }

  /** The listeners of all events; the array may be changed. */
  listenersAny(): AnyListener[] {
    return this.#incoming;
  }

  /** Adds a listener of all events that are sent, acknowledgements excepted; it gets the name first. */
  onAnyOutgoing(listener: AnyListener): this {
    this.#outgoing.push(listener);
    return this;
  }

  /** The same, in front of those that are there. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.#outgoing.unshift(listener);
    return this;
  }

  /** Removes such a listener, or all of them. */
  offAnyOutgoing(listener?: AnyListener): this {
    remove(this.#outgoing, listener);
    return this;
  }

  /** The listeners of all events that are sent; the array may be changed. */
  listenersAnyOutgoing(): AnyListener[] {
    return this.#outgoing;
  }
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

import type { IncomingMessage } from "node:http";
import { type Packet, PacketType, RESERVED_EVENTS, SocketPacket } from "@portage/parser/socket";
import { assignable, setOwn } from "../../base/assignable.ts";
import { type AckCallback, type PendingAcks, promiseAck } from "../events/acks.ts";
import { CatchAllSocket, kMiddlewares } from "./any-listeners.ts";
import type { Adapter, BroadcastFlags, Room, RestoredSession, SocketId } from "../adapter/adapter.ts";
import type { PacketWriteOptions } from "../adapter/surface.ts";
import { catchUp } from "../adapter/large-broadcasts.ts";
import type { kTimed } from "../broadcast/flags.ts";
import type { AnswerWindow } from "../recovery/answers.ts";
import { BroadcastOperator } from "../broadcast/operator.ts";
import { REJECTION } from "../events/capturing-emitter.ts";
import type { Client } from "../client/client.ts";
import type { RawData } from "../packets/codec.ts";
import { deliverSoon } from "../events/dispatch.ts";
import { type CloseReason, kSelf, randomId, type Session } from "../../engine/index.ts";
import { ReservedEventError, SocketIoError } from "../report/errors.ts";
import { buildHandshake, type Handshake, idInProtocol4 } from "./handshake.ts";
import { callProgram, type FailureKind, runChain } from "../../base/guarded.ts";
import type { HandlerKind } from "../../base/handler-errors.ts";
import { createLog } from "../../base/log.ts";
import { callAdapter, failHandler, watchAdapter } from "../events/listener-errors.ts";
import type { Namespace } from "../namespace.ts";
import { onlyTo } from "../adapter/one-socket.ts";
import { sendInOrder } from "./in-order.ts";
import { addPendingAck, dropOldestAck, mayJoin } from "./limits.ts";
import {
  answersFor,
  claimSession,
  encodeAnswer,
  missedOptions,
  openSession,
  persistSession,
  RECOVERABLE_REASONS,
  releaseSession,
  welcomeOf,
} from "./recovery.ts";
import type { Server } from "../server.ts";
import { traceDelivery, traceEmit, TRACES } from "../tracing.ts";
import { withPublicReason, type DisconnectReason, leaving, type SocketReservedEventsMap } from "./types.ts";
import {
  type AllButLast,
  callUntyped,
  type DecorateAcknowledgements,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DefaultEventsMap,
  emitToListeners,
  type Event,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type Untyped,
} from "../events/typed-events.ts";
import { kAnswers, kBroadcastsGot, kCall, kDeliver, kDropAck, kDropOldestAck, kFinishSending } from "../keys.ts";
import { kNextFlags, kNotifyIncoming, kEmitDrain, kPendingAcks, kRememberExpelled, kSendEvent } from "../keys.ts";
import { kRunListeners, kReadsOnly, kTakeFlags } from "../keys.ts";

const log = createLog("socket.io:socket");

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kPid = Symbol("pid");
const kPrevious = Symbol("previous");
const kAuth = Symbol("auth");
const kIssued = Symbol("issued");
const kSocketState = Symbol("socketState");
const kHandshake = Symbol("handshake");
const kData = Symbol("data");
const kOnEvent = Symbol("onEvent");
const kFailHandler = Symbol("failHandler");

/** A socket with any events. `any`, because no other map of events fits all sockets. */
export type AnyServerSocket = Socket<Untyped, Untyped, Untyped>;

/**
 * A client in a namespace, the object that server programs use most.
 *
 * `emit` sends events to the client, and listeners get the events that the client sends. A socket can join rooms, and
 * always is in the room named like its own id; broadcasts address rooms.
 *
 * @typeParam SocketData the type of `socket.data`. Default: `any`, as in socket.io
 * @example
 * io.on("connection", (socket) => {
 *   socket.join("lobby");
 *   socket.emit("welcome", { you: socket.id });
 *   socket.on("chat", (text, done) => {
 *     socket.to("lobby").emit("chat", text);
 *     done("sent");
 *   });
 *   socket.on("disconnect", (reason) => console.log(socket.id, "left:", reason));
 * });
 */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> extends CatchAllSocket<ListenEvents, EmitEvents, SocketReservedEventsMap> {
  declare readonly [kTimed]: Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>, ServerSideEvents, SocketData>;
  /** The namespace. */
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents>;
  /** The connection, which may carry sockets of several namespaces. */
  readonly client: Client<ListenEvents, EmitEvents, ServerSideEvents>;
  /** The public id: 20 random characters. For a Socket.IO 2 client, it is derived from the id of the session. */
  readonly id: SocketId;
  /** Whether the client resumed its session after a disconnection, with rooms, data and missed events restored. */
  readonly recovered: boolean;
  /**
   * Why the client could not resume its earlier session; undefined if it did not ask. The `code` is one of `RECOVERY_OFF`,
   * `RECOVERY_MALFORMED`, `RECOVERY_NO_OFFSET`, `RECOVERY_SESSION_UNKNOWN`, `RECOVERY_OFFSET_UNKNOWN`, `RECOVERY_EPOCH`,
   * `RECOVERY_TOO_LARGE`, `RECOVERY_FAILED`.
   *
   * @example
   * if (!socket.recovered) console.log(socket.recoveryError?.message ?? "a new client");
   */
  readonly recoveryError: SocketIoError | undefined;
  /** The secret by which the client resumes this session; undefined when recovery is off. */
  private readonly [kPid]: string | undefined;
  /** The session that is being resumed; undefined once the socket is connected. */
  private [kPrevious]: RestoredSession | undefined;
  /** The credentials; undefined if the client sent none. */
  private [kAuth]: Record<string, unknown> | undefined;
  private readonly [kIssued]: number = Date.now();
  private [kSocketState]: "joining" | "connected" | "leaving" | "left" = "joining";
  /** @internal The number of the last large broadcast that the socket has got or skipped. */
  [kBroadcastsGot] = 0;
  // Created when first needed, to save memory on most sockets.
  private [kHandshake]: Handshake | undefined;
  private [kData]: SocketData | undefined;
  [kPendingAcks]: PendingAcks | undefined;
  /** @internal The events that the client may repeat; undefined if it does not. */
  readonly [kAnswers]: AnswerWindow | undefined;

  /** Creates the socket of a client that joins. Programs get sockets from the event `connection`. */
  constructor(
    nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents>,
    client: Client<ListenEvents, EmitEvents, ServerSideEvents>,
    auth: Record<string, unknown>,
    previous?: RestoredSession | SocketIoError,
  ) {
    super();
    this.nsp = nsp;
    this.client = client;
    this[kAuth] = Object.keys(auth).length === 0 ? undefined : auth;
    this.recoveryError = previous instanceof SocketIoError ? previous : undefined;
    this[kPrevious] = previous instanceof SocketIoError ? undefined : previous;
    this.recovered = this[kPrevious] !== undefined;
    this[kAnswers] = answersFor(auth, this[kPrevious]);
    const isOld = client.conn.protocol === 3;
    if (this[kPrevious] !== undefined) {
      this.id = this[kPrevious].sid;
      this[kPid] = this[kPrevious].pid;
      this[kData] = this[kPrevious].data as SocketData;
      for (const room of this[kPrevious].rooms) watchAdapter(this.join(room), nsp);
    } else {
      this.id = isOld ? idInProtocol4(nsp.name, client.id) : randomId();
      this[kPid] = nsp.server.opts.connectionStateRecovery && !isOld ? randomId() : undefined;
    }
    if (this[kPid] !== undefined) claimSession(this[kPid], this);
  }

  /** Whether the socket is connected: false inside the middlewares of the namespace, and after the disconnection. */
  get connected(): boolean {
    const { [kSocketState]: state } = this;
    return state === "connected" || state === "leaving";
  }

  set connected(connected: boolean) {
    setOwn(this, "connected", connected);
  }

  /** The opposite of {@link connected}. */
  get disconnected(): boolean {
    return !this.connected;
  }

  /** The details of the request that opened the connection, and the credentials (`auth`) of the client. */
  get handshake(): Handshake {
    const self = this[kSelf];
    return (self[kHandshake] ??= buildHandshake(self.client, self[kIssued], (self[kAuth] ??= {})));
  }

  /** Data of the program. Default: an empty object. `fetchSockets()` copies it to other servers. */
  get data(): SocketData {
    const self = this[kSelf];
    if (self[kData] === undefined) self[kData] = {} as SocketData;
    return self[kData];
  }

  set data(data: SocketData) {
    this[kData] = data;
  }

  /** The pending acknowledgements, by packet id. Adapters add to it. */
  get acks(): PendingAcks {
    return (this[kSelf][kPendingAcks] ??= new Map());
  }

  /** The server. */
  get server(): Server<ListenEvents, EmitEvents, ServerSideEvents> {
    return this.nsp.server;
  }

  /** The adapter of the namespace. */
  get adapter(): Adapter {
    return this.nsp.adapter;
  }

  /** The request that opened the connection. */
  get request(): IncomingMessage {
    return this.client.request;
  }

  /**
   * The session of the engine.
   *
   * @example
   * console.log(socket.conn.transport.name); // "polling" or "websocket"
   */
  get conn(): Session {
    return this.client.conn;
  }

  /** The rooms of the socket, including its own id. Empty after the disconnection. */
  get rooms(): Set<Room> {
    return this.adapter.socketRooms(this.id) ?? new Set();
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  /**
   * Sends an event to the client. Arguments are JSON values, with bytes at any depth. A callback as last argument gets the
   * client's acknowledgement.
   *
   * @returns true
   * @throws ReservedEventError for a name that the library emits itself
   * @example
   * socket.emit("hello", 1, { picture: Buffer.from([1, 2]) });
   * socket.emit("question", (answer) => console.log(answer));
   */
  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
  override emit(...data: unknown[]): boolean {
    if (RESERVED_EVENTS.has(data[0])) throw new ReservedEventError(data[0] as string);
    if (data.length === 0) data.push(undefined);
    const flags = this[kTakeFlags]();
    if (TRACES.emit.hasSubscribers) traceEmit(this, data, flags);
    else this[kSendEvent](data, flags);
    return true;
  }

  /** Sends an event, with or without a function that takes the acknowledgement. */
  [kSendEvent](data: unknown[], flags: BroadcastFlags | undefined): void {
    let id: number | undefined;
    if (typeof data[data.length - 1] === "function")
      id = addPendingAck(this, data.pop() as AckCallback, flags?.timeout);
    const packet = new SocketPacket(PacketType.EVENT, this.nsp.name, data, id);
    if (this[kPid] !== undefined && this[kSocketState] !== "joining") {
      // By way of the adapter, which logs the packet for a client that misses it.
      const event = packet as SocketPacket & { data: unknown[] };
      return watchAdapter(this.adapter.broadcast(event, onlyTo(this.id, flags)), this.nsp);
    }
    this.notifyOutgoingListeners(packet);
    sendInOrder(this, packet, flags);
  }

  /**
   * Sends an event, and resolves with the first argument of the acknowledgement.
   *
   * @throws (rejects) AckTimeoutError after the time of {@link timeout}; without it, the promise may stay pending
   * @example
   * const answer = await socket.timeout(1000).emitWithAck("question");
   */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>>;
  emitWithAck(...data: unknown[]): Promise<unknown> {
    const flags = this[kNextFlags]();
    // Its failure settles the promise.
    if (this.client[kReadsOnly]) flags.timeout ??= 0;
    return promiseAck(flags.timeout !== undefined, (ack) => {
      data.push(ack);
      callUntyped(this, "emit", data);
    });
  }

  /** Sends the event `message`. */
  send(...args: EventParams<EmitEvents, "message">): this {
    callUntyped(this, "emit", ["message", ...args]);
    return this;
  }

  /** Does the same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /** Writes a packet of this socket; broadcasts do not pass here. Programs may replace this method. */
  packet(packet: Packet | readonly RawData[], options?: PacketWriteOptions): void {
    catchUp(this, this.nsp);
    (packet as { nsp?: string }).nsp = this.nsp.name;
    this.client._packet(packet, options);
  }

  // ---- broadcasting ------------------------------------------------------------------------------------------------

  /**
   * Addresses the members of one or more rooms, except this socket.
   *
   * @example
   * socket.to("room1").emit("hello");
   * socket.to(["room1", "room2"]).except("room3").emit("hello");
   */
  to(room: Room | Room[]): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.to(room);
  }

  /** Does the same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.to(room);
  }

  /** Addresses all sockets of the namespace, except the members of one or more rooms and this socket. */
  except(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.except(room);
  }

  /** Addresses all sockets of the namespace, except this one. */
  get broadcast(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.newBroadcastOperator();
  }

  /** The name of {@link broadcast} inside socket.io. */
  protected newBroadcastOperator(): BroadcastOperator<
    DecorateAcknowledgementsWithMultipleResponses<EmitEvents>,
    SocketData
  > {
    return new BroadcastOperator(this.adapter, new Set(), new Set([this.id]), this[kTakeFlags]());
  }

  /** Addresses the clients of this server alone, except this socket. */
  get local(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.local;
  }

  // ---- rooms -------------------------------------------------------------------------------------------------------

  /**
   * Joins one or more rooms. Has no effect after the disconnection, or beyond `maxRooms`, which emits a process warning with
   * the code `TOO_MANY_ROOMS`.
   *
   * @returns a promise if the adapter is asynchronous
   * @example
   * socket.join(["room1", "room2"]);
   */
  join(rooms: Room | Array<Room>): Promise<void> | void {
    if (this[kSocketState] === "left") return undefined;
    if (log.enabled) log("socket %s joins %o", this.id, rooms);
    const wanted = new Set(Array.isArray(rooms) ? rooms : [rooms]);
    return mayJoin(this, wanted) ? this.adapter.addAll(this.id, wanted) : undefined;
  }

  /** Leaves a room. */
  leave(room: Room): Promise<void> | void {
    if (log.enabled) log("socket %s leaves %s", this.id, room);
    return this.adapter.del(this.id, room);
  }

  /** Leaves all rooms. */
  leaveAll(): void {
    callAdapter(this.nsp, () => this.adapter.delAll(this.id));
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  /** Connects the socket, once the namespace has admitted it. */
  _onconnect(): void {
    // Read last, in the same turn as the join: later events reach the socket by way of its rooms.
    const missed = this[kPrevious]?.missedPackets ?? [];
    this[kPrevious] = undefined;
    this[kSocketState] = "connected";
    if (this[kPid] !== undefined) openSession(this[kPid], this);
    watchAdapter(this.join(this.id), this.nsp);
    this[kAnswers]?.sendBy((_id, answer) => answer.length > 0 && this.packet(answer, { preEncoded: true }));
    for (const packet of welcomeOf(this, this[kPid], missed)) this.packet(packet, missedOptions(packet));
  }

  /** Handles a packet for this socket. */
  _onpacket(packet: Packet): void {
    if (log.enabled) log("socket %s got packet %j", this.id, packet);
    if (packet.type === PacketType.EVENT) this[kOnEvent](packet);
    else if (packet.type === PacketType.ACK) this.onack(packet);
    else if (packet.type === PacketType.DISCONNECT) this.ondisconnect();
  }

  private [kOnEvent](packet: Packet): void {
    if (packet.id !== undefined && this[kAnswers]?.accept(packet.id, packet.data as Event) === false) return;
    try {
      this.onevent(packet);
    } catch (error) {
      this[kFailHandler](error, "thrown", "listener", (packet.data as Event)[0]);
    }
  }

  /** Handles an event. Programs may replace this method. */
  onevent(packet: Packet): void {
    const event = packet.data as Event;
    if (packet.id !== undefined) event.push(this.ack(packet.id));
    this[kNotifyIncoming](event);
    this.dispatch(event);
  }

  /** Passes an event to the middlewares, then to the listeners. */
  protected dispatch(event: Event): void {
    if (this[kMiddlewares] === undefined) return deliverSoon(this, event);
    runChain<[Event]>({
      links: this[kMiddlewares],
      subject: [event],
      onEnd: (err) => {
        if (err !== undefined) this[kAnswers]?.fail(event);
        deliverSoon(this, err === undefined ? event : ["error", err]);
      },
      onFailure: (error, how) => this[kFailHandler](error, how, "socket middleware", event[0]),
      endOf: (error) => error ?? new SocketIoError("MIDDLEWARE_FAILED"),
    });
  }

  /** Returns the function that acknowledges an event. Programs may replace this method. */
  ack(id: number): (...args: unknown[]) => void {
    if (this[kAnswers] !== undefined) return this[kAnswers].acknowledge(id, (args) => encodeAnswer(id, args, this));
    let sent = false;
    return (...args) => {
      if (sent) return;
      sent = true;
      sendInOrder(this, new SocketPacket(PacketType.ACK, this.nsp.name, args, id));
    };
  }

  /**
   * Returns a key that all tries of an event share, for clients with the option `retries`: store it with what the event
   * changes, in one transaction. Undefined for clients that give each try a new id.
   *
   * @param acknowledge the function that answers the event, the last argument of its listeners
   * @example
   * socket.on("order", async (order, acknowledge) => {
   *   acknowledge(await saveOnce(socket.dedupKey(acknowledge), order));
   * });
   */
  dedupKey(acknowledge: ((...args: never[]) => unknown) | undefined): string | undefined {
    const id = acknowledge && this[kSelf][kAnswers]?.idOf(acknowledge);
    return id === undefined ? undefined : `${this.id}:${id}`;
  }

  /** Delivers an event to its listeners. */
  [kDeliver](event: unknown[]): void {
    if (this[kSocketState] !== "connected") return;
    // A client may send an event named "error"; without a listener, an EventEmitter would throw.
    if (event[0] === "error" && this.listenerCount("error") === 0) return;
    this[kAnswers]?.begin(event);
    try {
      this[kRunListeners](event);
    } catch (error) {
      this[kAnswers]?.fail(event);
      this[kFailHandler](error, "thrown", "listener", event[0] as string);
    }
  }

  /** @internal Overridden by sockets that are measured. */
  [kRunListeners](event: unknown[]): void {
    if (TRACES.event.hasSubscribers) traceDelivery(this, event);
    else emitToListeners(this, event);
  }

  /** Handles an acknowledgement of the client. */
  onack(packet: Packet): void {
    const ack = this.acks.get(packet.id as number);
    if (typeof ack !== "function") return;
    this.acks.delete(packet.id as number);
    this[kCall](ack, packet.data as unknown[], "acknowledgement");
  }

  [kDropAck](id: number): void {
    this[kPendingAcks]?.delete(id);
  }

  [kDropOldestAck](limit: number): void {
    dropOldestAck(this, limit);
  }

  /** Calls a function of the program, and reports what it throws instead of unwinding into the layers that read. */
  override [kCall](fn: (...args: unknown[]) => unknown, args: unknown[], kind: "acknowledgement" | "listener"): void {
    const event = kind === "listener" ? (args[0] as string) : undefined;
    callProgram(fn, args, (error, how) => this[kFailHandler](error, how, kind, event), this);
  }

  /** Reports the failure of a function of the program. */
  private [kFailHandler](
    error: unknown,
    how: FailureKind,
    handler: HandlerKind,
    event: string | symbol | undefined,
  ): void {
    failHandler(this.nsp, error, { handler, how, event, socket: this, namespace: this.nsp });
  }

  /** Calls the listeners of an event of the library. */
  protected emitReserved(event: string, ...args: unknown[]): void {
    if (this.listenerCount(event) === 0) return;
    try {
      emitToListeners(this, [event, ...args]);
    } catch (error) {
      this[kFailHandler](error, "thrown", "listener", event);
    }
  }

  /** Reports the rejection of a listener's promise; see Node's `captureRejections`. */
  override [REJECTION](error: unknown, event: string | symbol, ...args: unknown[]): void {
    this[kAnswers]?.fail(args.at(-1));
    this[kFailHandler](error, "rejected", "listener", event);
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Emits an invalid packet of the client as `error`. */
  _onerror(err: Error): void {
    this.emitReserved("error", err);
  }

  /** Disconnects the socket and emits the events of its end. */
  _onclose(reason: DisconnectReason, description?: unknown, record?: CloseReason<string>): this | undefined {
    const self = this[kSelf];
    if (self[kSocketState] !== "connected") return this;
    self[kSocketState] = "leaving";
    self.closeReason =
      record === undefined ? leaving(reason, description) : withPublicReason(record, reason, description);
    if (log.enabled) log("socket %s is disconnected: %s (%s)", this.id, reason, self.closeReason.code);
    self.emitReserved("disconnecting", reason, description);
    if (self[kPid] !== undefined && RECOVERABLE_REASONS.has(reason)) persistSession(self[kPid], self);
    self._cleanup();
    self.client._remove(self);
    self.emitReserved("disconnect", reason, description);
    return undefined;
  }

  /** Emits `drain` when the queue of a slow client has emptied. */
  [kEmitDrain](): void {
    this.emitReserved("drain");
  }

  /** Leaves all rooms and the namespace. */
  _cleanup(): void {
    const self = this[kSelf];
    if (self[kSocketState] === "left") return;
    if (self[kPid] !== undefined) {
      // A socket that never connected returns its session to the adapter, so that the client may try again.
      if (self[kPrevious] !== undefined) persistSession(self[kPid], self);
      releaseSession(self[kPid], self);
    }
    self.leaveAll();
    self.nsp._remove(self);
    self[kSocketState] = "left";
  }

  /** Sends the client the refusal of its join. */
  _error(err: unknown): void {
    this.packet(new SocketPacket(PacketType.CONNECT_ERROR, this.nsp.name, err, undefined));
  }

  /**
   * Disconnects the client from this namespace. Has no effect unless the socket is connected.
   *
   * @param close whether to close the connection, which ends its sockets in all namespaces (default: false)
   * @example
   * if (!socket.handshake.auth.token) socket.disconnect(true);
   */
  disconnect(close = false): this {
    if (this[kSocketState] !== "connected") return this;
    if (close) {
      this.client._disconnect();
    } else {
      this.adapter[kFinishSending]?.(this);
      this.packet(new SocketPacket(PacketType.DISCONNECT, this.nsp.name, undefined, undefined));
      this.client[kRememberExpelled](this.nsp.name);
      this._onclose("server namespace disconnect");
    }
    return this;
  }

  /** Handles the client's departure from the namespace. */
  protected ondisconnect(): void {
    this._onclose("client namespace disconnect");
  }
}

assignable(Socket.prototype, "disconnected", "handshake", "acks", "server", "adapter", "request", "conn", "rooms");

import type { IncomingMessage } from "node:http";
import { type Packet, PacketType, SocketPacket } from "@portage/parser/socket";
import { catchUp } from "../adapter/large-broadcasts.ts";
import { assignable } from "../../base/assignable.ts";
import { isEncoded, type PacketWriteOptions } from "../adapter/surface.ts";
import type { PendingCall } from "../../base/clock.ts";
import { ClientWatch } from "./watch.ts";
import { createDecoder, type PacketDecoder, type RawData } from "../packets/codec.ts";
import { Credentials, parseConnect, sizeOfAuth } from "./credentials.ts";
import { type CloseReason, type Session } from "../../engine/index.ts";
import { reportConnectRefused } from "./connect-refused.ts";
import { createCloseReason } from "../report/close-codes.ts";
import { SocketIoError } from "../report/errors.ts";
import { JoinAttempt, limitPacket } from "./join-attempt.ts";
import { deliverNow } from "../events/dispatch.ts";
import { lookAtSent, takeWatched } from "../events/looks.ts";
import type { PacketProbe } from "../probe.ts";
import { type PortHandler, portTo, type SessionPort } from "./session-port.ts";
import { createLog } from "../../base/log.ts";
import { NamespaceSlots } from "./namespace-slots.ts";
import type { Server } from "../server.ts";
import { endConnect, noteArrival, traceConnect, TRACES } from "../tracing.ts";
import { runNextTick } from "../../base/turn.ts";
import { isDiscarded, prepare, sendPreparedWatched, sendWatched } from "./watched-send.ts";
import { type AnyServerSocket, Socket } from "../socket/socket.ts";
import type { DisconnectReason } from "../socket/types.ts";
import type { DefaultEventsMap, EventsMap, Untyped } from "../events/typed-events.ts";
import { kEngineClock, kCongestion, kFailSession, kSetSessionHandler, kSendPrepared } from "../../engine/index.ts";
import { kEnqueue, kTakeClosing, kTakeDrain, kTakeEnd, kTakeError, kTakeMessage } from "../../engine/index.ts";
import { kCustomParser, kEnd, kLimits, kReportLimit, kEmitDrain, kPort, kProbe } from "../keys.ts";
import { type kReadsOnly, kRememberExpelled, kRecordJoin, kSlots, kTraceparent, kYieldSession } from "../keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kDecoder = Symbol("decoder");
const kExpelled = Symbol("expelled");
const kCredentials = Symbol("credentials");
const kClientWatch = Symbol("clientWatch");
const kPatience = Symbol("patience");
const kTakeWatched = Symbol("takeWatched");
const kSocketIn = Symbol("socketIn");
const kOnPacket = Symbol("onPacket");
const kOnImpatience = Symbol("onImpatience");
const kJoin = Symbol("join");
const kOnConnect = Symbol("onConnect");
const kOnStray = Symbol("onStray");
const kOnLeaving = Symbol("onLeaving");
const kCancelJoin = Symbol("cancelJoin");
const kKeepAuth = Symbol("keepAuth");
const kRefuse = Symbol("refuse");
const kLeave = Symbol("leave");
const kCloseConnection = Symbol("closeConnection");
const kLeaveAll = Symbol("leaveAll");

const log = createLog("socket.io:client");

/**
 * A connection with its sockets, one for each namespace that the client has joined.
 *
 * @typeParam SocketData the type of `socket.data`. Default: `any`, as in socket.io
 * @example
 * io.on("connection", (socket) => console.log(socket.client.conn.transport.name));
 */
export class Client<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> implements PortHandler {
  /** The session of the engine. */
  readonly conn: Session;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The session, or an adapter of another engine's socket. */
  readonly [kPort]: SessionPort;
  declare readonly [kReadsOnly]?: boolean;
  private readonly [kDecoder]: PacketDecoder;
  /** The socket, or the attempt to join, by name of the namespace. */
  readonly [kSlots]: NamespaceSlots<Socket | JoinAttempt> = new NamespaceSlots();
  /** Namespaces that the server has expelled the client from. Packets for them may still be on their way. */
  private [kExpelled]: Set<string> | undefined;
  private [kCredentials]: Credentials | undefined;
  private [kClientWatch]: ClientWatch | undefined;
  /** The timer that ends a connection without a namespace. */
  private [kPatience]: PendingCall | undefined;

  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, conn: Session) {
    this.server = server;
    this.conn = conn;
    this[kPort] = portTo(conn);
    const { [kLimits]: limits } = server;
    this[kDecoder] = createDecoder(server[kCustomParser], (packet) => this[kOnPacket](packet), limits.packetLimits);
    if (limits.maxEventsPerSecond !== undefined) this[kClientWatch] = new ClientWatch(this);
    this[kPort][kSetSessionHandler](this);
    if (TRACES.connect.hasSubscribers) traceConnect(this);
    this[kPatience] = server[kEngineClock].after(server._connectTimeout, () => this[kOnImpatience]());
    // In protocol 4 (Socket.IO 2), clients join the main namespace without asking.
    if (conn.protocol === 3) this[kJoin]("/", {});
  }

  /** The id of the session. */
  get id(): string {
    return this.conn.id;
  }

  /** The request that opened the session. */
  get request(): IncomingMessage {
    return this.conn.request;
  }

  // ---- members that programs written for socket.io use ---------------------------------------------------------------

  /** The connected sockets, by id. */
  protected get sockets(): Map<string, Socket> {
    const sockets = this[kSlots].all().filter((place) => place instanceof Socket);
    return new Map(sockets.map((socket) => [socket.id, socket]));
  }

  /** The connected sockets, by name of their namespace. */
  protected get nsps(): Map<string, Socket> {
    return new Map([...this.sockets.values()].map((socket) => [socket.nsp.name, socket]));
  }

  /** Encodes the packets of all connections. */
  protected get encoder(): Server["encoder"] {
    return this.server.encoder;
  }

  /** Decodes the messages of this connection. */
  protected get decoder(): PacketDecoder {
    return this[kDecoder];
  }

  /** Handles a decoded packet. */
  protected ondecoded(packet: SocketPacket): void {
    this[kOnPacket](packet);
  }

  /** Handles an invalid message, or a failure of the session. */
  protected onerror(error: unknown): void {
    this[kTakeError](error);
  }

  /** Handles the end of the session. */
  protected onclose(reason: DisconnectReason, description?: unknown): void {
    this[kLeaveAll](reason, description);
  }

  /** Joins a namespace on behalf of the client. */
  protected connect(name: string, auth: Record<string, unknown> = {}): void {
    this[kOnConnect](new SocketPacket(PacketType.CONNECT, name, auth, undefined));
  }

  /** Closes the connection, which disconnects its sockets. */
  protected close(): void {
    this[kCloseConnection]();
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  ondata(data: RawData): void {
    this[kTakeMessage](data);
  }

  [kTakeMessage](data: RawData): void {
    let packet: SocketPacket | undefined;
    try {
      packet = this[kDecoder].decode(data);
    } catch (error) {
      return this[kTakeError](error);
    }
    const { [kProbe]: probe } = this.server;
    if (packet !== undefined) {
      if (probe === undefined || --probe.left > 0) this[kOnPacket](packet, data);
      else this[kTakeWatched](probe, packet, data);
    } else if (this.server[kCustomParser] === undefined) (this[kClientWatch] ??= new ClientWatch(this)).countPart(data);
  }

  private [kTakeWatched](probe: PacketProbe, packet: SocketPacket, data: RawData): void {
    const socket = this[kSocketIn](packet.nsp);
    takeWatched(probe, packet, { sid: this.id, data, socket }, () => this[kOnPacket](packet, data));
  }

  private [kSocketIn](name: string): Socket | undefined {
    const place = this[kSlots].get(name);
    return place instanceof Socket ? place : undefined;
  }

  private [kOnPacket](packet: SocketPacket, message?: RawData): void {
    const { type } = packet;
    if (TRACES.event.hasSubscribers) noteArrival(this.conn, packet, message);
    if (this[kClientWatch] !== undefined && !this[kClientWatch].countPacket(type)) return;
    if (type === PacketType.CONNECT) return this[kOnConnect](packet);
    const place = this[kSlots].get(packet.nsp);
    if (type === PacketType.CONNECT_ERROR || place === undefined) return this[kOnStray](packet);
    if (place instanceof Socket) {
      if (type === PacketType.DISCONNECT) this[kOnLeaving](packet.nsp);
      place._onpacket(packet);
    } else if (type === PacketType.DISCONNECT) this[kCancelJoin](place);
    else this[kOnStray](packet);
  }

  /** Delivers earlier events before the socket leaves. As in socket.io, later packets of the same read are ignored. */
  private [kOnLeaving](name: string): void {
    deliverNow();
    this[kRememberExpelled](name);
    runNextTick(() => this[kExpelled]?.delete(name), undefined);
  }

  private [kOnConnect](packet: SocketPacket): void {
    const { name, auth } = parseConnect(packet, this.conn.protocol);
    const place = this[kSlots].get(name);
    if (place instanceof Socket) return this[kOnStray](packet);
    this[kExpelled]?.delete(name);
    const kept = this[kKeepAuth](name, auth);
    // The client has left and asked again before the answer; only the new attempt counts.
    if (kept === undefined && place?.askAgain(auth)) return;
    this[kSlots].delete(name);
    place?.cancel();
    const { maxAuthSize, maxNamespaces } = this.server[kLimits];
    if (kept !== undefined) return this[kRefuse](name, "AUTH_TOO_LARGE", maxAuthSize, kept);
    const { size } = this[kSlots];
    if (size >= maxNamespaces) return this[kRefuse](name, "TOO_MANY_NAMESPACES", maxNamespaces, size + 1);
    this[kJoin](name, auth);
  }

  /** @returns the total size of the credentials if it exceeds the limit */
  private [kKeepAuth](name: string, auth: Record<string, unknown>): number | undefined {
    const size = sizeOfAuth(auth);
    if (size === 0 && this[kCredentials] === undefined) return undefined;
    return (this[kCredentials] ??= new Credentials()).take(name, size, this.server[kLimits].maxAuthSize);
  }

  private [kRefuse](name: string, code: "TOO_MANY_NAMESPACES" | "AUTH_TOO_LARGE", limit: number, actual: number): void {
    this.server[kReportLimit](this[kPort], code, limit, actual);
    this[kLeave](name);
    const error = new SocketIoError(code);
    reportConnectRefused(this.server, { code, namespace: name, message: error.message, conn: this.conn });
    this._packet(limitPacket(this.conn.protocol, name, error));
  }

  /** Removes all state of a namespace. */
  private [kLeave](name: string): void {
    this[kSlots].delete(name);
    this[kCredentials]?.free(name);
  }

  /** Ends the connection for a packet that is invalid in this state, unless it crossed our own DISCONNECT. */
  private [kOnStray](packet: SocketPacket): void {
    if (this[kExpelled]?.has(packet.nsp) && packet.type !== PacketType.CONNECT) return;
    if (log.enabled) log("packet of type %d for %s in the wrong state", packet.type, packet.nsp);
    deliverNow();
    this[kCloseConnection](createCloseReason("UNEXPECTED_MESSAGE"));
  }

  /** Emits an invalid message or a failure as `error` of all sockets, then closes the connection. */
  [kTakeError](error: unknown): void {
    deliverNow();
    for (const place of this[kSlots].all()) if (place instanceof Socket) place._onerror(error as Error);
    this[kPort].close(false, createCloseReason("INVALID_MESSAGE", error));
  }

  [kTakeDrain](): void {
    if (this[kPort][kCongestion]?.takeDrained() !== true) return;
    for (const place of this[kSlots].all()) if (place instanceof Socket) place[kEmitDrain]();
  }

  /** Sends the rest of large broadcasts before the session closes. */
  [kTakeClosing](): void {
    for (const place of this[kSlots].all()) if (place instanceof Socket) catchUp(place, place.nsp);
  }

  [kTakeEnd](record: CloseReason<string>): void {
    if (log.enabled) log("client %s is gone: %s (%s)", this.id, record.reason, record.code);
    // A connection that the program has ended gets no more events, unless it moves to another server.
    if (record.side !== "server" || record.code === "SERVER_DRAINING") deliverNow();
    this[kLeaveAll](record.reason, record.description, record);
  }

  private [kLeaveAll](reason: string, description: unknown, record?: CloseReason<string>): void {
    this[kPatience]?.cancel();
    this[kPatience] = undefined;
    this[kClientWatch]?.stop();
    if (TRACES.connect.hasSubscribers) endConnect(this, { reason: record });
    for (const place of this[kSlots].all()) {
      if (place instanceof Socket) place._onclose(reason as DisconnectReason, description, record);
      else this[kCancelJoin](place);
    }
    this[kDecoder].destroy();
  }

  private [kOnImpatience](): void {
    if (this[kSlots].all().some((place) => place instanceof Socket)) return;
    if (log.enabled) log("no namespace joined in time, closing the connection");
    this[kCloseConnection](createCloseReason("NO_NAMESPACE"));
  }

  // ---- namespaces --------------------------------------------------------------------------------------------------

  private [kJoin](name: string, auth: Record<string, unknown>): void {
    if (log.enabled) log("client %s asks to join namespace %s", this.id, name);
    const joining = new JoinAttempt(this, name, auth);
    this[kSlots].set(name, joining);
    joining.start();
  }

  private [kCancelJoin](joining: JoinAttempt): void {
    this[kLeave](joining.name);
    joining.cancel();
  }

  /** Records the end of a join attempt: a socket, or undefined for a refusal. */
  [kRecordJoin](joining: JoinAttempt, socket: Socket | undefined): void {
    if (log.enabled) log("client %s was %s namespace %s", this.id, socket ? "let into" : "refused by", joining.name);
    if (socket === undefined) {
      if (this[kSlots].get(joining.name) === joining) this[kLeave](joining.name);
      return;
    }
    if (TRACES.connect.hasSubscribers) endConnect(this, { socket });
    this[kSlots].set(joining.name, socket);
    this[kPatience]?.cancel();
    this[kPatience] = undefined;
  }

  /** Removes a socket that has left its namespace. */
  _remove(socket: AnyServerSocket): void {
    const { name } = socket.nsp;
    if (this[kSlots].get(name) === socket) this[kLeave](name);
  }

  /** Remembers that the server expelled the client from a namespace, so that packets on their way are ignored. */
  [kRememberExpelled](name: string): void {
    const expelled = (this[kExpelled] ??= new Set());
    expelled.add(name);
    // Bounded, because a client can get itself expelled from new namespaces forever.
    const [oldest = name] = expelled;
    if (expelled.size > this.server[kLimits].maxNamespaces) expelled.delete(oldest);
  }

  /** Disconnects all sockets and closes the connection. */
  _disconnect(): void {
    for (const place of this[kSlots].all()) if (place instanceof Socket) place.disconnect();
    this[kCloseConnection]();
  }

  /** Ends the connection of a client that broke a limit. */
  [kEnd](reason: CloseReason): void {
    if (this[kPort][kFailSession] === undefined) this[kCloseConnection]();
    else this[kPort][kFailSession](reason);
  }

  private [kCloseConnection](why?: CloseReason): void {
    if (this.conn.readyState !== "open") return;
    this[kPort].close(false, why);
    this[kLeaveAll]("forced server close", undefined, why);
  }

  /**
   * Ends this connection because its client resumes a session on another one. The sockets end with a recoverable reason,
   * and the connection is cut without a closing handshake, which the client could not answer.
   */
  [kYieldSession](): void {
    this[kLeaveAll]("transport close", new SocketIoError("SESSION_RESUMED"));
    this.conn.close(true);
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  /** Encodes a packet and sends it. */
  _packet(packet: Packet | readonly RawData[], options?: PacketWriteOptions): void {
    if (this.conn.readyState !== "open") return;
    if (options?.volatile && isDiscarded(this[kPort], this.id)) return;
    if (log.enabled) log("client %s: writing packet %j", this.id, packet);
    if (isEncoded(packet, options)) return this.writeToEngine(packet, options ?? {});
    const { encoder, [kProbe]: probe } = this.server;
    const encoded = encoder.encode(packet);
    if (probe !== undefined && --probe.left <= 0)
      lookAtSent(probe, packet, { sid: this.id, parts: encoded, acks: this[kSocketIn](packet.nsp)?.acks });
    if (this[kPort][kCongestion] !== undefined || options?.conflate !== undefined)
      return sendWatched(this[kPort], packet, encoded, options);
    // The program has replaced the method.
    if (this.writeToEngine !== WRITE_TO_ENGINE) return this.writeToEngine(encoded, options ?? {});
    if (options?.[kTraceparent] !== undefined) this[kPort][kEnqueue]?.("noop", options[kTraceparent]);
    for (const part of encoded) this[kPort].write(part, options);
  }

  /** Sends encoded packets. Adapters call it once for each receiver of a broadcast. */
  writeToEngine(encoded: readonly RawData[] | RawData, options: PacketWriteOptions): void {
    if (options.volatile && isDiscarded(this[kPort], this.id)) return;
    const message = options.prepared ?? prepare(encoded, options.compress !== false);
    if (this[kPort][kCongestion] !== undefined || options.conflate !== undefined)
      return sendPreparedWatched(this[kPort], message, options);
    if (options[kTraceparent] !== undefined) this[kPort][kEnqueue]?.("noop", options[kTraceparent]);
    this[kPort][kSendPrepared](message);
  }
}

// oxlint-disable-next-line typescript/unbound-method -- compared, not called
const { writeToEngine: WRITE_TO_ENGINE } = Client.prototype;

assignable(Client.prototype, "id", "request", "sockets", "nsps", "encoder", "decoder");

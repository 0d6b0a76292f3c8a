import type { IncomingMessage } from "node:http";
import { type Packet, PacketType, type SocketPacket } from "@portage/parser/socket";
import { catchUp } from "./adapter/large-broadcasts.ts";
import type { WriteOptions } from "./adapter/surface.ts";
import type { Timer } from "../clock.ts";
import { ClientWatch } from "./client-watch.ts";
import { createDecoder, type PacketDecoder, type RawData } from "./codec.ts";
import { Credentials, sizeOfAuth } from "./credentials.ts";
import { type CloseReason, closeReason, isSession, PreparedMessage, type Session } from "../engine/index.ts";
import { SocketIoError } from "./errors.ts";
import { Joining, limitPacket } from "./joining.ts";
import { endWith, type Link, type LinkHandler, linkTo } from "./link.ts";
import { createLog } from "../log.ts";
import { Places } from "./places.ts";
import type { Server } from "./server.ts";
import { sendPreparedWatched, sendWatched } from "./watched-send.ts";
import { Socket } from "./socket.ts";
import type { DisconnectReason } from "./socket-types.ts";
import type { DefaultEventsMap, EventsMap, Untyped } from "./typed-events.ts";

const log = createLog("socket.io:client");

/** Adapters of others hand the same array to all receivers of a broadcast: what is made of it is shared as well. */
const preparedMessages = new WeakMap<readonly RawData[], PreparedMessage>();

function prepare(encoded: readonly RawData[], compress: boolean): PreparedMessage {
  let message = preparedMessages.get(encoded);
  if (message === undefined) preparedMessages.set(encoded, (message = new PreparedMessage(encoded, compress)));
  return message;
}

/**
 * A session seen from Socket.IO: it carries one socket for each namespace that the peer has joined.
 *
 * @example
 * io.on("connection", (socket) => console.log(socket.client.conn.transport.name));
 */
export class Client<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> implements LinkHandler {
  /** The session of the engine. */
  readonly conn: Session;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly #link: Link;
  readonly #decoder: PacketDecoder;
  /** By name of the namespace: the socket, or the attempt to join. */
  readonly #places: Places<Socket | Joining> = new Places();
  /** Namespaces that the server has put the peer out of, and of which the peer may not know yet. */
  #expelled: Set<string> | undefined;
  #credentials: Credentials | undefined;
  /** Watches over what the peer sends, where that is needed. */
  #watch: ClientWatch | undefined;
  /** Ends a connection that joins no namespace in time. */
  #patience: Timer | undefined;

  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, conn: Session) {
    this.server = server;
    this.conn = conn;
    this.#link = linkTo(conn);
    this.#decoder = createDecoder(server.customParser, (packet) => this.#onPacket(packet), server.limits.packetLimits);
    if (server.limits.maxEventsPerSecond !== undefined) this.#watch = new ClientWatch(this);
    this.#link.handle(this);
    this.#patience = server.clock.after(server._connectTimeout, () => this.#onImpatience());
    // Protocol 4 (Socket.IO 2): the peer joins the main namespace without a word.
    if (conn.protocol === 3) this.#join("/", {});
  }

  /** The id of the session. */
  get id(): string {
    return this.conn.id;
  }

  /** The request that opened the session. */
  get request(): IncomingMessage {
    return this.conn.request;
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  /** The name that socket.io has for {@link onMessage}. */
  ondata(data: RawData): void {
    this.onMessage(data);
  }

  // hot path
  onMessage(data: RawData): void {
    let packet: SocketPacket | undefined;
    try {
      packet = this.#decoder.decode(data);
    } catch (error) {
      return this.onError(error);
    }
    if (packet !== undefined) this.#onPacket(packet);
    else if (this.server.customParser === undefined) (this.#watch ??= new ClientWatch(this)).onAttachmentDue(data);
  }

  // hot path
  #onPacket(packet: SocketPacket): void {
    const { type } = packet;
    if (this.#watch !== undefined && !this.#watch.onPacket(type)) return;
    if (type === PacketType.CONNECT) return this.#onConnect(packet);
    const place = this.#places.get(packet.nsp);
    if (type === PacketType.CONNECT_ERROR || place === undefined) return this.#onStray(packet);
    if (place instanceof Socket) place._onpacket(packet);
    else if (type === PacketType.DISCONNECT) this.#giveUp(place);
    else this.#onStray(packet);
  }

  #onConnect(packet: SocketPacket): void {
    const { name, auth } = this.#parseConnect(packet);
    const place = this.#places.get(name);
    if (place instanceof Socket) return this.#onStray(packet);
    this.#expelled?.delete(name);
    const kept = this.#keepAuth(name, auth);
    // The peer has left and come back before it got an answer: only the new attempt counts.
    if (kept === undefined && place?.askAgain(auth)) return;
    this.#places.delete(name);
    place?.cancel();
    const { maxAuthSize, maxNamespaces } = this.server.limits;
    if (kept !== undefined) return this.#refuse(name, "AUTH_TOO_LARGE", maxAuthSize, kept);
    const { size } = this.#places;
    if (size >= maxNamespaces) return this.#refuse(name, "TOO_MANY_NAMESPACES", maxNamespaces, size + 1);
    this.#join(name, auth);
  }

  /** @returns how large the credentials of all namespaces would be, where that is too much */
  #keepAuth(name: string, auth: Record<string, unknown>): number | undefined {
    const size = sizeOfAuth(auth);
    if (size === 0 && this.#credentials === undefined) return undefined;
    return (this.#credentials ??= new Credentials()).take(name, size, this.server.limits.maxAuthSize);
  }

  #refuse(name: string, code: "TOO_MANY_NAMESPACES" | "AUTH_TOO_LARGE", limit: number, actual: number): void {
    this.server.onLimit(this.conn, code, limit, actual);
    this.#leave(name);
    this._packet(limitPacket(this.conn.protocol, name, new SocketIoError(code)));
  }

  /** Nothing is kept for a namespace any more. */
  #leave(name: string): void {
    this.#places.delete(name);
    this.#credentials?.free(name);
  }

  /** Protocol 4 has the credentials in the query of the namespace, protocol 5 in a payload. */
  #parseConnect({ nsp, data }: SocketPacket): { name: string; auth: Record<string, unknown> } {
    if (this.conn.protocol !== 3) return { name: nsp, auth: (data ?? {}) as Record<string, unknown> };
    const cut = nsp.indexOf("?");
    if (cut === -1) return { name: nsp, auth: {} };
    return { name: nsp.slice(0, cut), auth: Object.fromEntries(new URLSearchParams(nsp.slice(cut + 1))) };
  }

  /** A packet that has no meaning in this state ends the connection, unless it may have crossed our own. */
  #onStray(packet: SocketPacket): void {
    if (this.#expelled?.has(packet.nsp) && packet.type !== PacketType.CONNECT) return;
    if (log.enabled) log("packet of type %d for %s in the wrong state", packet.type, packet.nsp);
    this.#close(closeReason("UNEXPECTED_MESSAGE"));
  }

  /** The peer broke the rules, or the session failed: its sockets hear about it, then the connection ends. */
  onError(error: unknown): void {
    for (const place of this.#places.all()) {
      if (place instanceof Socket) place._onerror(error as Error);
    }
    endWith(this.conn, closeReason("INVALID_MESSAGE", error));
  }

  onDrain(): void {
    if (this.#link.congestion?.takeDrained() !== true) return;
    for (const place of this.#places.all()) if (place instanceof Socket) place._ondrain();
  }

  /** What was sent before the end goes first. */
  onClosing(): void {
    for (const place of this.#places.all()) if (place instanceof Socket) catchUp(place, place.nsp);
  }

  onClose(record: CloseReason): void {
    this.#end(record.reason, record.description, record);
  }

  #end(reason: string, description: unknown, record?: CloseReason): void {
    this.#patience?.cancel();
    this.#patience = undefined;
    this.#watch?.stop();
    for (const place of this.#places.all()) {
      if (place instanceof Socket) place._onclose(reason as DisconnectReason, description, record);
      else this.#giveUp(place);
    }
    this.#decoder.destroy();
  }

  #onImpatience(): void {
    if (this.#places.all().some((place) => place instanceof Socket)) return;
    log("no namespace joined in time, closing the connection");
    this.#close(closeReason("NO_NAMESPACE"));
  }

  // ---- namespaces --------------------------------------------------------------------------------------------------

  #join(name: string, auth: Record<string, unknown>): void {
    const joining = new Joining(this, name, auth);
    this.#places.set(name, joining);
    joining.start();
  }

  #giveUp(joining: Joining): void {
    this.#leave(joining.name);
    joining.cancel();
  }

  /** An attempt to join has ended: with a socket, or with a refusal. */
  onJoined(joining: Joining, socket: Socket | undefined): void {
    if (socket === undefined) {
      if (this.#places.get(joining.name) === joining) this.#leave(joining.name);
      return;
    }
    this.#places.set(joining.name, socket);
    this.#patience?.cancel();
    this.#patience = undefined;
  }

  /** A socket has left its namespace. Called by the socket. */
  _remove(socket: Socket<Untyped, Untyped, Untyped>): void {
    const { name } = socket.nsp;
    if (this.#places.get(name) === (socket as unknown as Socket)) this.#leave(name);
  }

  /** The server puts the peer out of a namespace: packets that are on their way will be ignored. */
  onExpelled(name: string): void {
    const expelled = (this.#expelled ??= new Set());
    expelled.add(name);
    // A peer may have itself put out of ever new ones. It was never in more than so many at a time.
    const [oldest = name] = expelled;
    if (expelled.size > this.server.limits.maxNamespaces) expelled.delete(oldest);
  }

  /** Disconnects all sockets and closes the connection. */
  _disconnect(): void {
    for (const place of this.#places.all()) {
      if (place instanceof Socket) place.disconnect();
    }
    this.#close();
  }

  /** The peer has broken a limit: the connection ends. */
  end(reason: CloseReason): void {
    if (isSession(this.conn)) this.conn.fail(reason);
    else this.#close();
  }

  #close(why?: CloseReason): void {
    if (this.conn.readyState !== "open") return;
    endWith(this.conn, why);
    this.#end("forced server close", undefined, why);
  }

  /**
   * The peer has come back on another connection and takes its session up there, before this one was found to be lost.
   * The sockets are ended in a way that lets them come back, and the connection is cut: nobody is there to close it with.
   */
  onResumedElsewhere(): void {
    this.#end("transport close", new SocketIoError("SESSION_RESUMED"));
    this.conn.close(true);
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  /** Encodes a packet and sends it. */
  // hot path
  _packet(packet: Packet, options?: WriteOptions): void {
    if (this.conn.readyState !== "open") return;
    if (options?.volatile && !this.#link.writable) return;
    const encoded = this.server.encoder.encode(packet);
    if (this.#link.congestion !== undefined || options?.conflate !== undefined)
      return sendWatched(this.conn, packet, encoded, options);
    for (const part of encoded) this.#link.send(part, options);
  }

  /**
   * Sends packets that are encoded already. This is what adapters call, once for each receiver of a broadcast.
   */
  // hot path
  writeToEngine(encoded: readonly RawData[], options: WriteOptions): void {
    if (options.volatile && !this.#link.writable) return;
    const message = options.prepared ?? prepare(encoded, options.compress !== false);
    if (this.#link.congestion !== undefined || options.conflate !== undefined)
      return sendPreparedWatched(this.conn, message, options);
    this.#link.sendPrepared(message, options);
  }
}

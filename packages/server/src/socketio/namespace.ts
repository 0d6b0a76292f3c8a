import type { IncomingMessage, ServerResponse } from "node:http";
import type { Adapter, SocketId } from "./adapter/adapter.ts";
import { guardAdapter } from "./adapter/cluster/foreign-guard.ts";
import { skipBroadcasts } from "./adapter/large-broadcasts.ts";
import { BroadcastOperator } from "./broadcast/operator.ts";
import { BroadcastTarget } from "./broadcast/target.ts";
import { REJECTION } from "./events/capturing-emitter.ts";
import type { Client } from "./client/client.ts";
import { type EventSourceOptions, eventSourceHandler } from "./event-source/handler.ts";
import { noteOffsets } from "./event-source/offsets.ts";
import { checkFunction, kSelf } from "../engine/index.ts";
import { createLog } from "../base/log.ts";
import { ReservedEventError, SERVER_RESERVED_EVENTS } from "./report/errors.ts";
import { JoinAttempt } from "./client/join-attempt.ts";
import { callProgram, type FailureKind } from "../base/guarded.ts";
import type { HandlerFailure } from "../base/handler-errors.ts";
import { failHandler, failAdapter, watchAdapter } from "./events/listener-errors.ts";
import type { SubjectMiddleware } from "./events/middleware.ts";
import { LAYER_CHANNELS } from "./report/channels.ts";
import type { Server } from "./server.ts";
import { countBroadcasts } from "./socket/measured.ts";
import { type AnyServerSocket, Socket } from "./socket/socket.ts";
import {
  callUntyped,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type DefaultEventsMap,
  emitToListeners,
  type EventNames,
  type EventNamesWithoutAck,
  type EventParams,
  type EventsMap,
  type Untyped,
} from "./events/typed-events.ts";
import { kAdmit, kClusterKeys, kCreateAdapter, kEverybody, kRelease, kTally } from "./keys.ts";

const log = createLog("socket.io:namespace");

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kCallListeners = Symbol("callListeners");
const kOnListenerFailure = Symbol("onListenerFailure");

/** A namespace with any events. */
export type AnyNamespace = AnyServerSocket["nsp"];

/** An error by which a middleware refuses a client. The client gets `message`, and `data`, any JSON value. */
export interface ExtendedError extends Error {
  /** Details for the client: any JSON value. */
  data?: Untyped;
}

/** The events that a namespace emits by itself. */
export interface NamespaceReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {
  connect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  connection: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

/**
 * Where a function of the program failed; second argument of `handler_error` listeners.
 *
 * @example
 * io.on("handler_error", (error, { handler, event, socket }) => {
 *   console.error(`${handler} ${String(event ?? "")} for ${socket?.id}:`, error);
 * });
 */
export interface HandlerErrorContext extends HandlerFailure {
  /** The socket that the function was called for. */
  readonly socket?: AnyServerSocket;
  /** The namespace that the function was called for. */
  readonly namespace?: AnyNamespace;
}

/**
 * A separate channel over the shared connections, with its own sockets, rooms, middlewares and events.
 *
 * @typeParam SocketData the type of `socket.data`. Default: `any`, as in socket.io
 * @example
 * const orders = io.of("/orders");
 * orders.use((socket, next) => next(socket.handshake.auth.token ? undefined : new Error("who are you?")));
 * orders.on("connection", (socket) => socket.join(socket.handshake.auth.shop));
 * orders.to("shop1").emit("order", { id: 1 });
 */
export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> extends BroadcastTarget<
  EmitEvents,
  ServerSideEvents,
  NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  SocketData
> {
  private readonly [kSelf]: this = this;
  /** The name, with a leading slash. */
  readonly name: string;
  /** The server. */
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connected sockets of this server, by id. */
  readonly sockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Map();
  /** Sockets that have not passed the middlewares yet, by id. */
  readonly _preConnectSockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> =
    new Map();
  /** Stores the rooms and delivers broadcasts. */
  adapter!: Adapter;
  /** The id of the next packet that asks for an acknowledgement. */
  _ids = 0;
  /** The middlewares, in order. {@link use} replaces the array, so a running chain is not affected. */
  _fns: readonly SubjectMiddleware<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>[] = [];

  /** Creates a namespace. Programs call `io.of(name)`. */
  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, name: string) {
    super();
    this.server = server;
    this.name = name;
    if (log.enabled) log("making namespace %s", name);
    this._initAdapter();
  }

  /** Creates a new adapter by the option `adapter` of the server. */
  _initAdapter(): void {
    const adapter = this.server[kCreateAdapter](this);
    if (this.server[kClusterKeys] !== undefined) guardAdapter(adapter, this, this.server[kClusterKeys]);
    const { events } = this.server[kTally];
    if (events !== undefined) countBroadcasts(adapter, this.name, events);
    if (this.server.opts.connectionStateRecovery !== undefined) noteOffsets(adapter);
    this.adapter = adapter;
    void callProgram(
      () => adapter.init(),
      [],
      (error, how) => {
        if (how === "rejected") failAdapter(error, this, how);
        // The program has not added its listeners yet, since its server is still being created.
        else process.nextTick(failAdapter, error, this, how);
      },
    );
  }

  /**
   * Adds a middleware that decides whether a client may join. It must call `next`; with an error, the client is refused, and
   * gets the error's `message` and `data`.
   *
   * @example
   * io.of("/admin").use((socket, next) => {
   *   next(socket.handshake.auth.token === "secret" ? undefined : new Error("unauthorized"));
   * });
   */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    checkFunction(fn, "use()");
    const self = this[kSelf];
    self._fns = [...self._fns, fn];
    return this;
  }

  protected [kEverybody](): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return new BroadcastOperator(this.adapter);
  }

  /**
   * Sends an event to all sockets of the namespace.
   *
   * @returns true
   * @throws ReservedEventError for a name that the library emits itself
   * @example
   * io.of("/orders").emit("closing time", 5);
   */
  override emit<Ev extends EventNamesWithoutAck<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
  override emit(...data: unknown[]): boolean {
    return callUntyped(this[kEverybody](), "emit", data);
  }

  /** See {@link BroadcastTarget.serverSideEmit}. */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>
  ): boolean;
  serverSideEmit(...data: unknown[]): boolean {
    if (SERVER_RESERVED_EVENTS.has(data[0])) throw new ReservedEventError(data[0] as string);
    watchAdapter(this.adapter.serverSideEmit(data), this);
    return true;
  }

  /** Emits an event of another server to the listeners. The adapter calls it. */
  _onServerSideEmit(args: [string, ...unknown[]]): void {
    this[kCallListeners](args);
  }

  /** Calls the listeners of this namespace, and reports what they throw instead of throwing it to the caller. */
  private [kCallListeners](
    event: readonly [string, ...unknown[]],
    socket?: Socket<ListenEvents, EmitEvents, ServerSideEvents>,
  ): void {
    try {
      emitToListeners(this, event);
    } catch (error) {
      this[kOnListenerFailure](error, "thrown", { event: event[0], socket });
    }
  }

  private [kOnListenerFailure](
    error: unknown,
    how: FailureKind,
    {
      event,
      socket,
    }: { event: string | symbol; socket: Socket<ListenEvents, EmitEvents, ServerSideEvents> | undefined },
  ): void {
    failHandler(this, error, { handler: "listener", how, event, namespace: this, ...(socket && { socket }) });
  }

  /**
   * Returns a request handler by which plain pages (`EventSource`), curl and scripts read this namespace: server-sent events.
   * Each connection is a socket that only listens: middlewares, rooms, broadcasts and limits apply as to any other.
   *
   * @param options credentials, rooms, binary data. Default: none
   * @throws SocketIoError `NOT_LOCAL` for the parent of dynamic namespaces; UsageError `OPTION_INVALID`, `NOT_A_FUNCTION`
   * @example
   * const readNews = io.of("/news").eventSource({ rooms: (req) => [req.headers["accept-language"] ?? "en"] });
   * createServer((req, res) => readNews(req, res)).listen(3000); // with Express: app.get("/events/news", readNews)
   */
  eventSource(options: EventSourceOptions = {}): (req: IncomingMessage, res: ServerResponse) => void {
    return eventSourceHandler(this, options);
  }

  /** Joins a client unless a middleware refuses it. `fn` gets the socket before `connection` listeners do. */
  _add(
    client: Client<ListenEvents, EmitEvents, ServerSideEvents>,
    auth: Record<string, unknown>,
    fn?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): void {
    new JoinAttempt(client, this.name, auth).enter(this, fn);
  }

  /** Connects an admitted socket: answers the client first, then emits `connection`. */
  [kAdmit](
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    onConnected: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): void {
    if (log.enabled) log("socket %s is connected to %s", socket.id, this.name);
    this._preConnectSockets.delete(socket.id);
    skipBroadcasts(socket);
    if (!this.sockets.has(socket.id)) this.server[kTally].sockets += 1;
    this.sockets.set(socket.id, socket);
    onConnected(socket);
    socket._onconnect();
    if (LAYER_CHANNELS.join.hasSubscribers) LAYER_CHANNELS.join.publish({ socket, namespace: this.name });
    this.emitReserved("connect", socket);
    this.emitReserved("connection", socket);
  }

  /** Emits an event of the library to the listeners of this namespace. */
  emitReserved(event: "connect" | "connection" | "new_namespace" | "connect_refused", subject: unknown): void {
    if (this.listenerCount(event) === 0) return;
    this[kCallListeners]([event, subject], subject instanceof Socket ? subject : undefined);
  }

  /** Removes a socket, admitted or not. */
  _remove(socket: AnyServerSocket): void {
    if (this.sockets.get(socket.id) === socket) {
      if (log.enabled) log("socket %s has left %s", socket.id, this.name);
      this.sockets.delete(socket.id);
      this.server[kTally].sockets -= 1;
      const { leave } = LAYER_CHANNELS;
      if (leave.hasSubscribers) leave.publish({ socket, namespace: this.name, reason: socket.closeReason });
    }
    if (this._preConnectSockets.get(socket.id) === socket) this._preConnectSockets.delete(socket.id);
  }

  /** Removes the namespace if it is dynamic and empty. */
  [kRelease](): void {}

  /** Reports the rejection of a listener's promise; see Node's `captureRejections`. */
  override [REJECTION](error: unknown, event: string | symbol, subject?: unknown): void {
    this[kOnListenerFailure](error, "rejected", { event, socket: subject instanceof Socket ? subject : undefined });
  }
}

import type { BroadcastOptions, Room, SocketId } from "./adapter/adapter.ts";
import { InMemoryAdapter } from "./adapter/in-memory.ts";
import type { AckCallback } from "./events/acks.ts";
import { SocketIoError } from "./report/errors.ts";
import type { AdapterPacket } from "./adapter/surface.ts";
import { watchAdapter } from "./events/listener-errors.ts";
import { type AnyNamespace, Namespace } from "./namespace.ts";
import type { RemoteSocket } from "./broadcast/operator.ts";
import type { Server } from "./server.ts";
import type { DefaultEventsMap, EventsMap, Untyped } from "./events/typed-events.ts";
import { kRelease, kReleaseEmpty } from "./keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kParent = Symbol("parent");
const kChildren = Symbol("children");

let parents = 0;

/**
 * The result of `io.of(regExp)` and `io.of(function)`: the template of namespaces that are created when a client asks for
 * one. Each child gets a copy of its middlewares and `connection` listeners; events that it emits go to all children.
 *
 * @typeParam SocketData the type of `socket.data`. Default: `any`, as in socket.io
 * @example
 * const shops = io.of(/^\/shop-\d+$/);
 * shops.on("connection", (socket) => console.log("client in", socket.nsp.name));
 * shops.emit("to all shops");
 */
export class ParentNamespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  /** The namespaces created from this template. */
  readonly children: Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Set();

  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) {
    super(server, `/_${parents++}`);
  }

  /** Is not supported: a page reads one namespace. @throws SocketIoError `NOT_LOCAL` */
  override eventSource(): never {
    throw new SocketIoError("NOT_LOCAL");
  }

  /** Uses an adapter that forwards to the children's, since a parent has no sockets. */
  override _initAdapter(): void {
    this.adapter = new ChildrenAdapter(this);
  }

  /** Creates a namespace from this template, and emits `new_namespace`. */
  createChild(name: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const child = new ChildNamespace(this, name);
    child._fns = this._fns;
    for (const event of ["connect", "connection"] as const) {
      for (const listener of this.listeners(event)) child.on(event, listener);
    }
    this.children.add(child);
    this.server._nsps.set(name, child);
    this.server.sockets.emitReserved("new_namespace", child);
    return child;
  }

  /**
   * Removes all empty children.
   *
   * @returns the number of removed children
   */
  [kReleaseEmpty](): number {
    const before = this.children.size;
    for (const child of this.children) if (child instanceof ChildNamespace) child.releaseIfEmpty();
    return before - this.children.size;
  }

  /**
   * Is not supported: ask each of {@link children}.
   *
   * @throws SocketIoError `NOT_LOCAL`
   */
  override fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    throw new SocketIoError("NOT_LOCAL", "fetchSockets() is not supported on parent namespaces");
  }
}

/** A namespace created because a client asked for it. It may be removed when it is empty. */
class ChildNamespace<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  private readonly [kParent]: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;

  constructor(parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, name: string) {
    super(parent.server, name);
    this[kParent] = parent;
  }

  override _remove(socket: never): void {
    super._remove(socket);
    this[kRelease]();
  }

  override [kRelease](): void {
    if (this.server._opts.cleanupEmptyChildNamespaces) this.releaseIfEmpty();
  }

  releaseIfEmpty(): void {
    const { _nsps } = this.server;
    if (this.sockets.size > 0 || this._preConnectSockets.size > 0) return;
    if (_nsps.get(this.name) === this) _nsps.delete(this.name);
    this[kParent].children.delete(this);
    watchAdapter(this.adapter.close(), this);
  }
}

/** Forwards broadcasts and bulk operations to the adapters of all children. */
class ChildrenAdapter extends InMemoryAdapter {
  private readonly [kParent]: { readonly children: ReadonlySet<AnyNamespace> };

  constructor(parent: { readonly children: ReadonlySet<AnyNamespace> }) {
    super(parent);
    this[kParent] = parent;
  }

  // A getter, since the constructor of the namespace creates the adapter before the children exist.
  private get [kChildren](): ReadonlySet<AnyNamespace> {
    return this[kParent].children;
  }

  override broadcast(packet: AdapterPacket, opts: BroadcastOptions): void {
    // A copy for each child, since adapters change the packet.
    for (const child of this[kChildren])
      watchAdapter(child.adapter.broadcast({ ...packet, data: packet.data.slice() }, opts), child);
  }

  override broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    onCount: (clients: number) => void,
    ack: AckCallback,
  ): void {
    for (const child of this[kChildren]) child.adapter.broadcastWithAck({ ...packet }, opts, onCount, ack);
  }

  override addSockets(opts: BroadcastOptions, rooms: Room[]): void {
    for (const child of this[kChildren]) watchAdapter(child.adapter.addSockets(opts, rooms), child);
  }

  override delSockets(opts: BroadcastOptions, rooms: Room[]): void {
    for (const child of this[kChildren]) watchAdapter(child.adapter.delSockets(opts, rooms), child);
  }

  override disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    for (const child of this[kChildren]) watchAdapter(child.adapter.disconnectSockets(opts, close), child);
  }

  override async sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    const ids = await Promise.all([...this[kChildren]].map((child) => child.adapter.sockets(rooms)));
    return new Set(ids.flatMap((set) => [...set]));
  }

  /** Returns the sum over all children, since each child's servers report their clients separately. */
  override async serverCount(): Promise<number> {
    const counts = await Promise.all([...this[kChildren]].map((child) => child.adapter.serverCount()));
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

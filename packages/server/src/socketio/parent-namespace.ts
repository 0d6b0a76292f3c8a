import { type BroadcastOptions, InMemoryAdapter, type Room, type SocketId } from "./adapter/index.ts";
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
 * What `io.of(regExp)` and `io.of(function)` return: the pattern for namespaces that are made when a client asks for one.
 * Its middlewares and its `connection` listeners are copied to each child; what it emits goes to all children.
 *
 * @typeParam SocketData of `socket.data`: `any` where a program gives it no type, as in socket.io
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
  /** The namespaces that were made after this pattern. */
  readonly children: Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Set();

  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) {
    super(server, `/_${parents++}`);
  }

  /** A parent has no sockets of its own: its adapter hands everything on to the children's. */
  override _initAdapter(): void {
    this.adapter = new ChildrenAdapter(this);
  }

  /** Makes a namespace after this pattern. */
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
   * Lets all children go that nobody is in.
   *
   * @returns how many
   */
  [kReleaseEmpty](): number {
    const before = this.children.size;
    for (const child of this.children) if (child instanceof ChildNamespace) child.releaseIfEmpty();
    return before - this.children.size;
  }

  /** Not to be answered: the children may be asked one by one. */
  override fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    throw new SocketIoError("NOT_LOCAL", "fetchSockets() is not supported on parent namespaces");
  }
}

/** A namespace that was made because a client asked for it; it may go when the last one has left. */
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

/** Hands what concerns many sockets on to the adapters of all children; it has no rooms of its own. */
class ChildrenAdapter extends InMemoryAdapter {
  private readonly [kParent]: { readonly children: ReadonlySet<AnyNamespace> };

  constructor(parent: { readonly children: ReadonlySet<AnyNamespace> }) {
    super(parent);
    this[kParent] = parent;
  }

  // Asked for when they are needed: the adapter is made before its namespace is complete.
  private get [kChildren](): ReadonlySet<AnyNamespace> {
    return this[kParent].children;
  }

  override broadcast(packet: AdapterPacket, opts: BroadcastOptions): void {
    // Adapters write to the packet.
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

  /** The number of servers, counted once for each child: as often as clients are counted. */
  override async serverCount(): Promise<number> {
    const counts = await Promise.all([...this[kChildren]].map((child) => child.adapter.serverCount()));
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

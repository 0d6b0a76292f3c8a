/*
 * Adapters: room membership of a namespace, and delivery to the members, on one server or on many.
 * Knows: the namespace, sockets and clients by the few members in surface.ts, which third-party adapters use as well,
 * and packets as objects with type and data.
 * Must not know: transports, sessions, users' listeners or how a bus between servers works.
 * Options bound the memory of adapters; time comes from the server's clock.
 */
export type { BroadcastFlags, BroadcastOptions, PrivateSessionId, Room, RestoredSession, SocketId } from "./adapter.ts";
export { InMemoryAdapter } from "./in-memory.ts";
export { SessionAwareAdapter } from "../recovery/session-aware.ts";
export { ClusterAdapter } from "./cluster/cluster.ts";
export { type ClusterAdapterOptions, ClusterAdapterWithHeartbeat } from "./cluster/heartbeat.ts";
export {
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from "./cluster/messages.ts";

/*
 * Adapters: who is in which room of a namespace, and how a packet gets to all of them, on one server or on many.
 * Knows: the namespace, sockets and clients by the few members in surface.ts, which adapters of others use as well,
 * and packets as objects with type and data.
 * Must not know: transports, sessions, users' listeners or how a bus between servers works.
 * What they keep in memory is bounded by options; time comes from the server's clock.
 */
export type { BroadcastFlags, BroadcastOptions, PrivateSessionId, Room, Session, SocketId } from "./adapter.ts";
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

/*
 * Entry @portage/server/adapter: the names of the npm package socket.io-adapter, for those who write adapters.
 * Knows: what is public.
 * Must not know: how any of it works.
 */
export {
  type BroadcastFlags,
  type BroadcastOptions,
  ClusterAdapter,
  type ClusterAdapterOptions,
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  InMemoryAdapter as Adapter,
  MessageType,
  type Offset,
  type PrivateSessionId,
  type Room,
  type ServerId,
  type RestoredSession as Session,
  SessionAwareAdapter,
  type SocketId,
} from "./socketio/adapter/index.ts";

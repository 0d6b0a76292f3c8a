/*
 * @portage/cluster: several processes of @portage/server as one.
 * Knows: the seam of @portage/server for relays and adapters, and joins what the folders have.
 * Must not know: sessions and sockets, beyond what the seam shows.
 */
export type {
  Cluster,
  ClusterEvent,
  ClusterEvents,
  ClusterNode,
  ClusterRefusal,
  ClusterReport,
  NodeState,
} from "@portage/server/relay";
export {
  CLUSTER_ERRORS,
  ClusterError,
  type ClusterErrorCode,
  LINK_REFUSALS,
  type LinkRefusalCode,
} from "./core/errors.ts";
export { localCluster, type LocalClusterOptions } from "./local.ts";
export type { ClusterOptions } from "./options.ts";
export type { WorkerEnd, WorkerInfo, WorkerState } from "./workers/child.ts";
export { WORKERS_ERRORS, WorkersError, type WorkersErrorCode } from "./workers/errors.ts";
export type { Leavable, Started } from "./workers/leaving.ts";
export type { WorkersOptions } from "./workers/options.ts";
export { runWorkers } from "./workers/run-workers.ts";
export { setupPrimary } from "./workers/setup-primary.ts";
export type { WorkerRestart, Workers, WorkersEvents } from "./workers/workers.ts";

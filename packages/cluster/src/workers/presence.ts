import cluster from "node:cluster";
import type { RelayHost } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import type { Leavable } from "./leaving.ts";
import { processHandOver } from "./process-hand-over.ts";
import { registerNode } from "./registry.ts";

/** A node, as its process sees it. */
export interface ProcessNode {
  readonly tag: string;
  /** Resolves when the node has joined its cluster, or rejects at a deadline. */
  whenJoined(): Promise<void>;
}

/** However long that takes: a worker has a time of its own for its start. */
async function untilJoined(node: ProcessNode): Promise<void> {
  try {
    await node.whenJoined();
  } catch (error) {
    if (error instanceof ClusterError && error.code === "CLUSTER_STARTING") return untilJoined(node);
    throw error;
  }
}

/**
 * Makes a node known to its process, if that is a worker of node:cluster: `runWorkers()` waits until it has joined, and the
 * sockets of its sessions can be passed to it.
 *
 * @param servers what uses the node, and has to be drained before the process ends
 * @returns removes the node
 */
export function enterProcess(
  node: ProcessNode,
  host: Pick<RelayHost, "handleUpgrade">,
  servers: Iterable<Leavable>,
): () => void {
  if (!cluster.worker) return () => {};
  const joined = untilJoined(node);
  const ends = [registerNode({ whenJoined: () => joined, servers: () => servers })];
  joined.then(
    () => {
      const leave = processHandOver()?.join(node.tag, (req, socket, head) => host.handleUpgrade(req, socket, head));
      if (leave) ends.push(leave);
    },
    // Reported to those who wait.
    () => {},
  );
  return () => ends.splice(0).forEach((end) => end());
}

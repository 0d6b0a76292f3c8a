import { createHash } from "node:crypto";
import cluster from "node:cluster";
import { tmpdir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Cluster } from "@portage/server/relay";
import { ClusterError } from "./core/errors.ts";
import { Directory } from "./links/directory.ts";
import { HostRegistry } from "./links/host-registry.ts";
import { checkClusterName, type ClusterOptions, refuseClusterOption, resolveClusterOptions } from "./options.ts";
import { type NodeStart, ServerCluster } from "./server-cluster.ts";

/** Options of `localCluster()`. */
export interface LocalClusterOptions extends ClusterOptions {
  /**
   * Names the cluster, for processes that node:cluster or pm2 have not started: those with the same name, user and host belong
   * together. Letters, digits, ".", "-" and "_". Default: workers of one primary that listen on the same port belong together. Set
   * it if your server listens on several ports: the first to listen counts, maybe not the same one in each worker.
   */
  name?: string;
  /**
   * The directory where the processes find each other, instead of one in the temporary directory of the system. An absolute
   * path, short because of the sockets in it, and open to its owner only. Default: see `name`.
   */
  directory?: string;
}

/**
 * Joins this process with the others of the host that serve the same clients: the option `cluster` of a server. Workers of
 * node:cluster and pm2 find each other by their primary and port, other processes by the option `name` or `directory`.
 *
 * @throws ClusterError `OPTION_INVALID`
 * @example
 * // in each worker of node:cluster, or with `pm2 start app.js -i max`
 * const io = new Server(3000, { cluster: localCluster() });
 */
export function localCluster(options: LocalClusterOptions = {}): Cluster {
  const { name, directory } = options;
  if (name !== undefined) checkClusterName(name);
  if (directory !== undefined && !(typeof directory === "string" && isAbsolute(directory))) {
    refuseClusterOption("directory", "an absolute path");
  }
  const named = namedDirectory(options);
  let first: NodeStart["address"];
  let warning = named === undefined && cluster.isWorker ? new ClusterError("CLUSTER_SEVERAL_PORTS") : undefined;
  return new ServerCluster(resolveClusterOptions(options), {
    registryFor({ address, needsSecret }) {
      const path = named ?? (address === undefined ? undefined : directoryOf(address));
      first = address;
      return path === undefined ? undefined : new HostRegistry(new Directory(path), needsSecret);
    },
    onOtherAddress(address) {
      if (warning === undefined || address === undefined || address === first) return;
      process.emitWarning(warning);
      warning = undefined;
    },
  });
}

/** Returns the directory that the options name. Undefined: it depends on the port. */
function namedDirectory({ name, directory }: LocalClusterOptions): string | undefined {
  return directory ?? (name === undefined ? undefined : inTemporary(name));
}

/**
 * Returns the directory of the workers of one primary that listen on the same port or path. A process that is not a worker
 * gets one of its own.
 */
function directoryOf(address: number | string): string {
  const primary = cluster.isWorker ? process.ppid : process.pid;
  const port = typeof address === "number" ? address : createHash("sha256").update(address).digest("hex").slice(0, 12);
  return inTemporary(`${primary}-${port}`);
}

function inTemporary(name: string): string {
  const user = process.getuid?.() ?? userInfo().username;
  return join(tmpdir(), `portage-${user}-${name}`);
}

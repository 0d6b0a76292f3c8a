/** Errors of the cluster, by code. */
export const CLUSTER_ERRORS = {
  OPTION_INVALID: {
    message: "an option has an invalid value",
    fix: "see the message for the accepted values",
  },
  CLUSTER_IN_USE: {
    message: "two servers use the same object as their cluster",
    fix: "call localCluster() or redisCluster() once for each server",
  },
  CLUSTER_DIRECTORY_UNSAFE: {
    message: "the directory of the cluster is open to other users",
    fix: "chmod 700 it, or choose another one by the option `directory`",
  },
  CLUSTER_DIRECTORY_FAILED: {
    message: "the directory of the cluster can't be used",
    fix: "make its parent writable, or choose another one by the option `directory`",
  },
  CLUSTER_PATH_TOO_LONG: {
    message: "the path of the cluster's sockets is too long",
    fix: "choose a shorter path by the option `directory`",
  },
  CLUSTER_LISTEN_FAILED: {
    message: "the links can't listen on their address",
    fix: "set `links.host` and `links.port` to ones that are free on this host",
  },
  CLUSTER_NO_TAG: {
    message: "all tags that were tried are taken",
    fix: "remove the directory of the cluster while no process uses it",
  },
  CLUSTER_SEVERAL_PORTS: {
    message: "the server listens on several ports; set `name` of localCluster()",
    fix: "set `name`: without it the first port that listens names the cluster, maybe not in all workers",
  },
  CLUSTER_STARTING: {
    message: "this process has not joined the cluster yet",
    fix: "try again; the HTTP server has to listen",
  },
  REDIS_CLIENT_INVALID: {
    message: "the client is not a client of Redis that can be used",
    fix: "pass an ioredis, iovalkey or `redis` client; clients of a Redis Cluster are not supported",
  },
  REDIS_UNAVAILABLE: {
    message: "Redis can't be reached",
    fix: "start Redis, or correct the address and password of the client; the cluster connects again",
  },
  REDIS_REFUSED: {
    message: "the user of Redis may not use what the cluster needs",
    fix: "allow the user of the client the keys, channels and commands in docs/many-hosts.md",
  },
  CLUSTER_CLOSED: { message: "this process has left the cluster", fix: "nothing, the server is closed" },
} as const satisfies Record<string, { readonly message: string; readonly fix: string }>;

/** A code of a {@link ClusterError}. */
export type ClusterErrorCode = keyof typeof CLUSTER_ERRORS;

/** An error of the cluster. `code` is a key of {@link CLUSTER_ERRORS}. */
export class ClusterError extends Error {
  /** What happened. */
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string = CLUSTER_ERRORS[code].message, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
ClusterError.prototype.name = "ClusterError";

/** Why a node was refused as a peer, by code. */
export const LINK_REFUSALS = {
  LINK_VERSION: {
    message: "the other process speaks another version of the links",
    fix: "run the same version of @portage/cluster in all processes",
  },
  LINK_SECRET: {
    message: "the other process has another secret",
    fix: "give all processes the same `secret` or `clusterSecret`",
  },
  LINK_MALFORMED: {
    message: "the other process sent an invalid handshake",
    fix: "find out which program connects to the links of the cluster",
  },
} as const satisfies Record<string, { readonly message: string; readonly fix: string }>;

/** Why a process was refused. */
export type LinkRefusalCode = keyof typeof LINK_REFUSALS;

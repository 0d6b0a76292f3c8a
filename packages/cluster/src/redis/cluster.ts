import type { Cluster } from "@portage/server/relay";
import { checkClusterName, type ClusterOptions, resolveClusterOptions } from "../options.ts";
import { type Meeting, ServerCluster } from "../server-cluster.ts";
import { ClientPort } from "./client-port.ts";
import { type RedisClient, sourceOf } from "./clients.ts";
import { type RedisLinkOptions, resolveLinks } from "./link-options.ts";
import { RedisHistory, type RedisHistoryOptions, resolveHistory } from "./history.ts";
import { nodeKeys } from "./node-keys.ts";
import { Outages } from "./outages.ts";
import { RedisRegistry } from "./registry.ts";

/** Options of `redisCluster()`. */
export interface RedisClusterOptions extends ClusterOptions, RedisHistoryOptions {
  /**
   * Names the cluster: processes with the same name and Redis belong together. Names of keys and channels begin with it. Letters,
   * digits, ".", "-" and "_". Default: `"portage"`.
   */
  name?: string;
  /**
   * How processes reach each other. `auto`: by TCP, on the address by which they reach Redis and a free port; over Redis where
   * that fails. `bus`: over Redis alone. Default: `"auto"`.
   */
  links?: "auto" | "bus" | RedisLinkOptions;
}

/**
 * Joins this process with those on all hosts that use the same Redis or Valkey: the option `cluster` of a server.
 *
 * @param client a client of the program: ioredis, iovalkey or `redis`. It is duplicated, and not used itself
 * @throws ClusterError `OPTION_INVALID`, `REDIS_CLIENT_INVALID`
 * @example
 * const io = new Server(3000, { cluster: redisCluster(new Redis("redis://example.com")) });
 */
export function redisCluster(client: RedisClient, options: RedisClusterOptions = {}): Cluster {
  const { name = "portage" } = options;
  checkClusterName(name);
  const resolved = resolveClusterOptions(options);
  const links = resolveLinks(options.links);
  // Refuses what is not a client.
  sourceOf(client);
  const history = new RedisHistory(name, resolveHistory(options));
  const meeting: Meeting = {
    createAdapter: (nsp, bus) => history.adapters.create(nsp, bus),
    registryFor(node) {
      const port = new ClientPort(client, node.clock);
      const outages = new Outages(port, node);
      const stopHistory = history.start(port, node, outages);
      const { heartbeatInterval, heartbeatTimeout } = resolved;
      const { needsSecret } = node;
      const keys = nodeKeys(`${port.prefix}${name}:`);
      const onLeft = (): void => {
        stopHistory();
        outages.close();
        port.close();
      };
      const beats = { heartbeatInterval, heartbeatTimeout };
      return new RedisRegistry({ port, keys, links, needsSecret, ...beats, onLeft });
    },
  };
  return new ServerCluster(resolved, meeting);
}

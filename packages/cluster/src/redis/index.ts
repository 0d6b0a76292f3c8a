/*
 * Entry @portage/cluster/redis: processes on many hosts as one, by a Redis or Valkey that they share.
 * Knows: what is public.
 * Must not know: how any of it works.
 */
export { redisCluster, type RedisClusterOptions } from "./cluster.ts";
export type { RedisClient } from "./clients.ts";
export type { RedisLinkOptions } from "./link-options.ts";

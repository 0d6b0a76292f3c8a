import { describe, expect, test } from "vitest";
import type { RedisConnection } from "../../../../packages/cluster/src/redis/clients.ts";

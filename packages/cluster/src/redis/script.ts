import { createHash } from "node:crypto";
import type { RedisScript } from "./port.ts";

/** Creates a script, which is loaded when it is first used. */
export function redisScript(source: string): RedisScript {
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

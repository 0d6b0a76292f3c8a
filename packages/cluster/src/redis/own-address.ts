import { networkInterfaces } from "node:os";
import { ClusterError } from "../core/errors.ts";
import type { RedisPort } from "./port.ts";

const SAME_HOST = "127.0.0.1";

/**
 * Returns the address of this host by which it reaches Redis, because other nodes probably reach it there as well: what Redis says,
 * if this host has that address, else the first IPv4 address of the host that is not loopback.
 *
 * @throws ClusterError `REDIS_UNAVAILABLE`
 */
export async function ownAddress(port: RedisPort, interfaces = networkInterfaces()): Promise<string> {
  const own = Object.values(interfaces).flatMap((each) => each ?? []);
  const seen = await addressSeenBy(port);
  if (seen.startsWith("127.") || seen === "::1" || own.some(({ address }) => address === seen)) return seen;
  return own.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? SAME_HOST;
}

/** Empty: Redis does not say, because it is older than 6.2 or forbids the command. @throws ClusterError `REDIS_UNAVAILABLE` */
async function addressSeenBy(port: RedisPort): Promise<string> {
  try {
    const [, address = ""] = /\baddr=(\S+):\d+/.exec(String(await port.command("CLIENT", "INFO"))) ?? [];
    // The path of a unix socket, or an address in brackets, which may be one of IPv4.
    return address.includes("/") ? SAME_HOST : address.replace(/^\[|\]$/g, "").replace(/^::ffff:/i, "");
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    return "";
  }
}

import type { Server } from "../index.ts";
import { serverClock } from "../base/clock.ts";

/** A socket with any events. */
export type BoardSocket = Server["sockets"]["sockets"] extends Map<string, infer Each> ? Each : never;

/** The session of a socket. */
export type BoardSession = BoardSocket["conn"];

/** Measurements that sessions of other engines lack. */
interface MeasuredSession {
  /** Milliseconds on the clock of the engine. */
  readonly openedAt?: number;
  /** Milliseconds; undefined before the first pong. */
  readonly rtt?: number | undefined;
}

/** Returns the age of a session in milliseconds; 0 if it is not known. */
export function ageOf(session: object, now: number = serverClock.now()): number {
  const { openedAt } = session as MeasuredSession;
  return openedAt === undefined ? 0 : Math.max(0, Math.round(now - openedAt));
}

/** Returns the last round trip of a session in milliseconds; null if there was none. */
export function roundTripOf(session: object): number | null {
  return (session as MeasuredSession).rtt ?? null;
}

/** Cuts an address down to its network: /24, or /48 for IPv6. */
export function networkOf(address: string): string {
  // Proxies write ports and names around an address.
  const four = /(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}(?![\d.])/.exec(address);
  if (four) return `${four[1]}.0/24`;
  const [six] = /(?<![\da-f])[\da-f]*:[\da-f]*:[\da-f:]*/i.exec(address) ?? [];
  if (six === undefined) return address === "" ? "" : "unknown";
  const [head = "", tail] = six.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) while (groups.length < 3) groups.push("0");
  return `${groups.slice(0, 3).join(":")}::/48`;
}

import { ClusterError } from "./core/errors.ts";

/** Options of every cluster. Times are in milliseconds, sizes in bytes. */
export interface ClusterOptions {
  /**
   * One or more secrets of at least 16 characters that the processes prove to each other. The first proves, all verify.
   * Default: the option `clusterSecret` of the server, else a random secret, kept where the processes find each other.
   */
  secret?: string | readonly string[];
  /**
   * What happens to a WebSocket handshake that arrives in another process than its session: `tunnel` sends the bytes of the
   * connection to the process of the session, `refuse` leaves the client on polling, `auto` chooses. Default: `"auto"`.
   */
  upgrades?: "auto" | "tunnel" | "refuse";
  /** Time without a byte on a link after which a ping is sent. Default: 1000. */
  heartbeatInterval?: number;
  /** Time without a byte from a process after which its link is reset. Default: 4000. */
  heartbeatTimeout?: number;
  /** Most requests that wait for an answer of other processes; more are refused. Default: 10000. */
  maxPendingExchanges?: number;
  /**
   * Most requests in a second, from one address, with session ids that their process does not know; more are refused, unless the
   * session was found before. The clients of a balancer have one address. Default: 1000.
   */
  maxUnknownIds?: number;
  /** Most WebSockets that this process carries to and from others; more are refused. Default: `Infinity`. */
  maxTunnels?: number;
  /** Most bytes queued on a link because the other process does not read; more reset the link. Default: 8000000. */
  maxLinkBytes?: number;
  /**
   * Largest message to other processes, such as a broadcast. A larger one stays in this process and reports
   * `CLUSTER_MESSAGE_TOO_LARGE`. Default: 64000000.
   */
  maxMessageBytes?: number;
  /** Time for the answers of other processes to questions such as `fetchSockets()`. Default: 5000. */
  requestTimeout?: number;
}

/** The defaults of the options. */
const CLUSTER_DEFAULTS = {
  upgrades: "auto",
  heartbeatInterval: 1000,
  heartbeatTimeout: 4000,
  maxPendingExchanges: 10_000,
  maxUnknownIds: 1000,
  maxTunnels: Infinity,
  maxLinkBytes: 8e6,
  maxMessageBytes: 64e6,
  requestTimeout: 5000,
} as const satisfies ClusterOptions;

export interface ResolvedClusterOptions extends Required<Omit<ClusterOptions, "secret">> {
  readonly keys: readonly Buffer[] | undefined;
}

/** The least values of the numbers. */
const LEAST = {
  heartbeatInterval: 10,
  heartbeatTimeout: 10,
  maxPendingExchanges: 1,
  maxUnknownIds: 1,
  maxTunnels: 0,
  maxLinkBytes: 1e6,
  maxMessageBytes: 1e6,
  requestTimeout: 1,
} as const;

const UPGRADES: ReadonlySet<unknown> = new Set(["auto", "tunnel", "refuse"]);
const CLUSTER_NAME = /^[\w.-]{1,64}$/;
const MIN_SECRET = 16;

/** Checks options and adds the defaults. @throws ClusterError `OPTION_INVALID` */
export function resolveClusterOptions(given: ClusterOptions = {}): ResolvedClusterOptions {
  const { secret, upgrades = CLUSTER_DEFAULTS.upgrades } = given;
  if (!UPGRADES.has(upgrades)) refuseClusterOption("upgrades", '"auto", "tunnel" or "refuse"');
  const numbers = { ...CLUSTER_DEFAULTS, upgrades };
  for (const [option, least] of Object.entries(LEAST) as [keyof typeof LEAST, number][]) {
    Object.assign(numbers, { [option]: numberFrom(option, given[option], least) });
  }
  return { ...numbers, keys: secret === undefined ? undefined : keysOf("secret", secret) };
}

function numberFrom(option: keyof typeof LEAST, given: unknown, least: number): number {
  if (given === undefined) return CLUSTER_DEFAULTS[option];
  if (typeof given !== "number" || !(given >= least)) refuseClusterOption(option, `a number from ${least} on`);
  return given;
}

/** Checks the name of a cluster. @throws ClusterError `OPTION_INVALID` */
export function checkClusterName(name: unknown): void {
  if (typeof name === "string" && CLUSTER_NAME.test(name)) return;
  refuseClusterOption("name", 'a short name of letters, digits, ".", "-" and "_"');
}

/** Returns the keys of one or several secrets. @throws ClusterError `OPTION_INVALID` */
export function keysOf(option: string, given: unknown): readonly Buffer[] {
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isValid = (secret: unknown): boolean => typeof secret === "string" && secret.length >= MIN_SECRET;
  if (secrets.length === 0 || !secrets.every(isValid))
    refuseClusterOption(option, `secrets of at least ${MIN_SECRET} characters`);
  return secrets.map((secret) => Buffer.from(secret as string));
}

/** @throws ClusterError `OPTION_INVALID` */
export function refuseClusterOption(option: string, takes: string): never {
  throw new ClusterError("OPTION_INVALID", `the option ${option} of the cluster takes ${takes}`);
}

import type { IncomingMessage } from "node:http";
import type { RawData } from "@portage/parser/engine";
import type { CorsOptions, CorsOptionsDelegate } from "cors";
import { checkDeflateOptions, type DeflateOptions } from "@portage/websocket";
import { type Clock, serverClock } from "../base/clock.ts";
import { bounded, numberOf } from "../base/numbers.ts";
import type { AllowRequest } from "./admission/admission.ts";
import type { GateOptions } from "./admission/gate.ts";
import { type CarryOptions, resolveCarry } from "./carry/options.ts";
import { DEFAULT_THRESHOLD, type HttpCompression } from "./http/compression.ts";
import { type CookieOptions, resolveCookie } from "./http/cookie.ts";
import { isAbsent, limitFrom, refuseOption } from "./option-checks.ts";
import { resolveSlowReader, type SlowReaderOptions } from "./outgoing/slow-reader.ts";
import type { ForeignWebSocketServerClass } from "./transports/engine-link.ts";
import type { EngineCluster } from "./relay/relay.ts";
import { OFFERED_BY_DEFAULT, TRANSPORT_NAMES, type TransportName } from "./transports/registry.ts";

/** Options of the engine. Times are in milliseconds, sizes in bytes. */
export interface ServerOptions extends GateOptions {
  /** Most time for a client to answer a ping before its session ends. Default 20000. */
  pingTimeout?: number;
  /** Time from one ping to the next, in milliseconds. Default 25000. */
  pingInterval?: number;
  /** Most time for an upgrade. Default 10000. */
  upgradeTimeout?: number;
  /** Most bytes of one POST body or WebSocket message. Default 1e6. */
  maxHttpBufferSize?: number;
  /**
   * Most frames of one WebSocket message. Default: 1024, plus one for each 32 bytes of the message. Like the next option,
   * only for the built-in WebSocket.
   */
  maxFragments?: number;
  /** Most pings, pongs and close frames that a WebSocket may send per second. Default 100. */
  maxControlFramesPerSecond?: number;
  /** Most packets in one POST body. Default 100000. */
  maxPayloadPackets?: number;
  /**
   * Most bytes of incomplete messages, of all clients together: POST bodies, WebSocket messages, and Socket.IO packets
   * without all their attachments. Default 256e6.
   */
  maxReceivingBytes?: number;
  /** Most time between two chunks of a POST. Default 30000. */
  postTimeout?: number;
  /**
   * Most packets in one poll response; the rest is sent with the next one. Default: 16 for python-engineio, which rejects
   * more, and no limit for other clients.
   */
  maxPollPackets?: number;
  /**
   * Whether the answer to a poll may go on, packet by packet, for clients that ask for it, such as `@portage/client`. Default
   * true.
   */
  streaming?: boolean;
  /**
   * Called before a session opens. Unless it calls back with success, the request is refused with 403. Default: none.
   */
  allowRequest?: AllowRequest;
  /** Offered transports. Default `["polling", "websocket"]`. */
  transports?: readonly TransportName[];
  /** Whether sessions may upgrade to a better transport. Default true. */
  allowUpgrades?: boolean;
  /**
   * Lets the session of a client that asks for it survive the death of its transport, such as a WebSocket that a proxy cuts: the
   * client returns over another transport, and both sides send again what the other has not received. `@portage/client` asks,
   * other clients are not affected. Default `{ window: 10_000, maxBytes: 262_144, maxPackets: 512 }`; false: the session ends.
   */
  carry?: boolean | CarryOptions;
  /** Compression of WebSocket messages (RFC 7692) of at least `threshold` bytes (1024). Default false. */
  perMessageDeflate?: boolean | DeflateOptions;
  /**
   * A class with the interface of `Server` in the npm package `ws`. It replaces the built-in WebSocket.
   * Default: none.
   */
  wsEngine?: ForeignWebSocketServerClass;
  /** Compression of poll responses. Default `{ threshold: 1024 }`. */
  httpCompression?: boolean | Partial<HttpCompression>;
  /** A message to send right after the handshake. Default: none. */
  initialPacket?: RawData;
  /** A cookie with the session id, for load balancers. Default false. */
  cookie?: boolean | CookieOptions;
  /** Options of the `cors` package. Without this option, no CORS headers are sent. */
  cors?: CorsOptions | CorsOptionsDelegate;
  /**
   * Returns one of the subprotocols that a WebSocket client offers (its option `protocols`), or false for none. Default: the
   * first. A browser fails the connection if it offers subprotocols and receives none.
   */
  handleProtocols?: (protocols: Set<string>, req: IncomingMessage) => string | false | undefined;
  /** Whether the option `cors`, if given, also decides which pages may open WebSockets. Default true. */
  checkOrigin?: boolean;
  /** Whether clients of revision 3 (Socket.IO 1 and 2) are accepted. Default false. */
  allowEIO3?: boolean;
  /** Limits of the outgoing queue of a client that reads too slowly. Default: see {@link SlowReaderOptions}. */
  slowReader?: SlowReaderOptions;
  /**
   * The other processes that serve the same clients, for example `localCluster()` of `@portage/cluster`: each answers any request
   * of any session, so that balancers need not be sticky. Default: none.
   */
  cluster?: EngineCluster;
  /** The engine's clock; tests pass their own. Default: real time. */
  clock?: Clock;
}

const ENGINE_DEFAULTS = {
  pingTimeout: 20_000,
  pingInterval: 25_000,
  upgradeTimeout: 10_000,
  maxHttpBufferSize: 1e6,
  maxPayloadPackets: 100_000,
  maxReceivingBytes: 256e6,
  postTimeout: 30_000,
  // Getters give each server its own list and record, because programs change them in place.
  get transports() {
    return [...OFFERED_BY_DEFAULT];
  },
  allowUpgrades: true,
  perMessageDeflate: false,
  get httpCompression() {
    return { threshold: DEFAULT_THRESHOLD };
  },
  cookie: false,
  allowEIO3: false,
  clock: serverClock,
} satisfies ServerOptions;

/** The options of an engine; those with a default are there. */
export type ResolvedEngineOptions = ServerOptions & Required<Pick<ServerOptions, keyof typeof ENGINE_DEFAULTS>>;

/** Options that are also members of the engine. */
export const MIRRORED_OPTIONS = ["pingInterval", "pingTimeout", "upgradeTimeout", "maxHttpBufferSize", "initialPacket"];

type OptionRule = (given: never) => unknown;

const timeRule =
  (name: "pingTimeout" | "pingInterval" | "upgradeTimeout" | "postTimeout"): OptionRule =>
  (given: unknown) =>
    bounded(given, 0, Infinity, ENGINE_DEFAULTS[name]);

/** Checks a limit and its minimum; a smaller value would refuse every client. */
const limitRule =
  (name: keyof ServerOptions, least: number): OptionRule =>
  (given: unknown) =>
    limitFrom(name, given, least, (ENGINE_DEFAULTS as ServerOptions)[name]);

/** Normalizes option values, at the start and later. A rule that returns undefined restores the default. */
const OPTION_RULES: Partial<Readonly<Record<keyof ServerOptions, OptionRule>>> = {
  pingTimeout: timeRule("pingTimeout"),
  pingInterval: timeRule("pingInterval"),
  upgradeTimeout: timeRule("upgradeTimeout"),
  postTimeout: timeRule("postTimeout"),
  // As in `ws`, zero and negative numbers mean no limit.
  maxFragments: numberOf,
  maxControlFramesPerSecond: numberOf,
  maxPayloadPackets: limitRule("maxPayloadPackets", 1),
  maxReceivingBytes: limitRule("maxReceivingBytes", 1),
  maxPollPackets: limitRule("maxPollPackets", 1),
  maxConnections: limitRule("maxConnections", 1),
  maxConnectionsPerAddress: limitRule("maxConnectionsPerAddress", 1),
  maxConnectionsPerUser: limitRule("maxConnectionsPerUser", 1),
  maxHandshakesPerSecond: limitRule("maxHandshakesPerSecond", Number.MIN_VALUE),
  // As in engine.io, zero means no limit for WebSockets, and no POSTs.
  maxHttpBufferSize: (given) => numberOf(given) ?? ENGINE_DEFAULTS.maxHttpBufferSize,
  // Older programs name the engine ("ws"): anything but a class means the built-in one.
  wsEngine: (given: unknown) => (typeof given === "function" ? given : undefined),
  cookie: (given: ResolvedEngineOptions["cookie"]) => given && resolveCookie(given),
  allowRequest: resolveAllowRequest,
  transports: resolveTransports,
  perMessageDeflate: resolveDeflate,
  carry: (given: boolean | CarryOptions) => (resolveCarry(given) ? given : false),
  slowReader: (given: SlowReaderOptions) => resolveSlowReader(given) && given,
  clock: (given: Clock) => (isAbsent(given) ? ENGINE_DEFAULTS.clock : given),
};

/**
 * Merges the given options with the defaults; an undefined option counts as not given. Numbers may be strings. A time that
 * is not a number counts as not given, and a negative time as zero.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function resolveEngineOptions(options: ServerOptions): ResolvedEngineOptions {
  const resolved: ResolvedEngineOptions = { ...ENGINE_DEFAULTS };
  for (const [name, value] of Object.entries(options)) if (value !== undefined) setOption(resolved, name, value);
  return resolved;
}

/**
 * Sets one option, by the same rules before and after the start.
 *
 * @throws UsageError `OPTION_INVALID`
 */
function setOption(options: ResolvedEngineOptions, name: string, given: unknown): void {
  const rule = OPTION_RULES[name as keyof ServerOptions] as ((given: unknown) => unknown) | undefined;
  const defaults: ServerOptions = ENGINE_DEFAULTS;
  const value = given === undefined ? defaults[name as keyof ServerOptions] : rule ? rule(given) : given;
  if (value === undefined) delete options[name as "maxPollPackets"];
  else Object.assign(options, { [name]: value });
}

/** Returns the options for programs: values set later are checked like the first ones. */
export function checkedOptions(options: ResolvedEngineOptions): ResolvedEngineOptions {
  return new Proxy(options, {
    set(_target, name, given) {
      if (typeof name === "symbol") return Reflect.set(options, name, given);
      setOption(options, name, given);
      return true;
    },
    deleteProperty(_target, name) {
      if (typeof name === "symbol") return Reflect.deleteProperty(options, name);
      setOption(options, name, undefined);
      return true;
    },
  });
}

function resolveAllowRequest(given: unknown): AllowRequest | undefined {
  if (!given) return undefined;
  return typeof given === "function" ? (given as AllowRequest) : refuseOption("allowRequest", "a function", given);
}

/** Accepts a string too; it selects all transports with a name in it, as in engine.io. */
function resolveTransports(given: unknown): readonly TransportName[] {
  if (Array.isArray(given)) return given as TransportName[];
  if (typeof given !== "string") return refuseOption("transports", "a list of names", given);
  return TRANSPORT_NAMES.filter((name) => given.includes(name));
}

function resolveDeflate(given: unknown): boolean | DeflateOptions {
  if (!given) return false;
  if (typeof given !== "object") return true;
  checkDeflateOptions(given);
  return given;
}

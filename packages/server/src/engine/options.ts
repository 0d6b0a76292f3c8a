import type { IncomingMessage } from "node:http";
import type { RawData } from "@portage/parser/engine";
import type { CorsOptions, CorsOptionsDelegate } from "cors";
import { checkDeflateOptions, type DeflateOptions } from "@portage/websocket";
import { type Clock, systemClock } from "../base/clock.ts";
import { bounded, numberOf } from "../base/numbers.ts";
import type { AllowRequest } from "./admission/admission.ts";
import type { GateOptions } from "./admission/gate.ts";
import { DEFAULT_THRESHOLD, type HttpCompression } from "./http/compression.ts";
import { type CookieOptions, resolveCookie } from "./http/cookie.ts";
import { isAbsent, limitFrom, refuseOption } from "./option-checks.ts";
import { resolveSlowReader, type SlowReaderOptions } from "./outgoing/slow-reader.ts";
import type { ForeignWebSocketServerClass } from "./transports/engine-link.ts";
import { OFFERED_BY_DEFAULT, TRANSPORT_NAMES, type TransportName } from "./transports/registry.ts";

/** Options of the engine. Times are in milliseconds, sizes in bytes. */
export interface ServerOptions extends GateOptions {
  /** How long a client may take to answer a ping before it is given up. Default 20000. */
  pingTimeout?: number;
  /** Time from one ping to the next. Default 25000. */
  pingInterval?: number;
  /** How long an upgrade may take. Default 10000. */
  upgradeTimeout?: number;
  /** The most that one message may have, on either transport. Default 1e6. */
  maxHttpBufferSize?: number;
  /**
   * The most frames that one WebSocket message may come in. Default: 1024, and one more for each 32 bytes of the message. Of
   * the built-in WebSocket, as the next one.
   */
  maxFragments?: number;
  /** The most pings, pongs and close frames that a WebSocket may send within one second. Default 100. */
  maxControlFramesPerSecond?: number;
  /** The most packets that one POST body may have. Default 100000. */
  maxPayloadPackets?: number;
  /**
   * The most bytes that messages which are not complete may take, of all clients together: POST bodies, WebSocket messages,
   * and packets of Socket.IO whose attachments are due. Default 256e6.
   */
  maxReceivingBytes?: number;
  /** How long the next bytes of a POST may take. Default 30000. */
  postTimeout?: number;
  /**
   * The most packets in the answer to one poll; the others come with the next one. Default: 16 for python-engineio, which
   * refuses more, and no limit for all others.
   */
  maxPollPackets?: number;
  /** Asked before a session is opened; without an answer in its favour the request is refused with 403. */
  allowRequest?: AllowRequest;
  /** Transports on offer. Default `["polling", "websocket"]`. */
  transports?: readonly TransportName[];
  /** Whether a session may move to a better transport. Default true. */
  allowUpgrades?: boolean;
  /** Compression of WebSocket messages (RFC 7692), of `threshold` bytes (1024) and more. Default false. */
  perMessageDeflate?: boolean | DeflateOptions;
  /** A class with the shape of `Server` of the npm package `ws`, to be used in place of the built-in WebSocket. */
  wsEngine?: ForeignWebSocketServerClass;
  /** Compression of answers to polls. Default `{ threshold: 1024 }`. */
  httpCompression?: boolean | Partial<HttpCompression>;
  /** A message sent right after the handshake. */
  initialPacket?: RawData;
  /** A cookie with the session id, for load balancers. Default false. */
  cookie?: boolean | CookieOptions;
  /** Options of the `cors` package. Without them no CORS header is sent. */
  cors?: CorsOptions | CorsOptionsDelegate;
  /**
   * Chooses one of the subprotocols that a WebSocket client offers (the option `protocols` of clients), false for none.
   * Default: the first. A browser fails a connection that offers some and gets none.
   */
  handleProtocols?: (protocols: Set<string>, req: IncomingMessage) => string | false | undefined;
  /** Whether WebSocket handshakes must come from a page that `cors` allows, where it is given. Default true. */
  checkOrigin?: boolean;
  /** Whether clients of revision 3 (Socket.IO 1 and 2) are let in. Default false. */
  allowEIO3?: boolean;
  /** Bounds of what waits for a peer that reads too slowly. */
  slowReader?: SlowReaderOptions;
  /** Time as the engine sees it; tests hand in their own. */
  clock?: Clock;
}

export type ResolvedEngineOptions = ServerOptions &
  Required<
    Pick<
      ServerOptions,
      | "pingTimeout"
      | "pingInterval"
      | "upgradeTimeout"
      | "maxHttpBufferSize"
      | "maxPayloadPackets"
      | "maxReceivingBytes"
      | "postTimeout"
      | "transports"
      | "allowUpgrades"
      | "perMessageDeflate"
      | "httpCompression"
      | "cookie"
      | "allowEIO3"
      | "clock"
    >
  >;

const ENGINE_DEFAULTS: ResolvedEngineOptions = {
  pingTimeout: 20_000,
  pingInterval: 25_000,
  upgradeTimeout: 10_000,
  maxHttpBufferSize: 1e6,
  maxPayloadPackets: 100_000,
  maxReceivingBytes: 256e6,
  postTimeout: 30_000,
  // Each server gets lists and records of its own: programs change those of one in place.
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
  clock: systemClock,
};

/** Options that an engine has members for as well. */
export const MIRRORED_OPTIONS = ["pingInterval", "pingTimeout", "upgradeTimeout", "maxHttpBufferSize", "initialPacket"];

type OptionRule = (given: never) => unknown;

const timeRule =
  (name: "pingTimeout" | "pingInterval" | "upgradeTimeout" | "postTimeout"): OptionRule =>
  (given: unknown) =>
    bounded(given, 0, Infinity, ENGINE_DEFAULTS[name]);

/** A limit, with the least that it may be: a smaller one would let nobody in. */
const limitRule =
  (name: keyof ServerOptions, least: number): OptionRule =>
  (given: unknown) =>
    limitFrom(name, given, least, (ENGINE_DEFAULTS as ServerOptions)[name]);

/** What an option is, whatever is given for it, at first or later; undefined: as if it were not given. */
const OPTION_RULES: Partial<Readonly<Record<keyof ServerOptions, OptionRule>>> = {
  pingTimeout: timeRule("pingTimeout"),
  pingInterval: timeRule("pingInterval"),
  upgradeTimeout: timeRule("upgradeTimeout"),
  postTimeout: timeRule("postTimeout"),
  // As in `ws`, where zero and negative numbers are no limit.
  maxFragments: numberOf,
  maxControlFramesPerSecond: numberOf,
  maxPayloadPackets: limitRule("maxPayloadPackets", 1),
  maxReceivingBytes: limitRule("maxReceivingBytes", 1),
  maxPollPackets: limitRule("maxPollPackets", 1),
  maxConnections: limitRule("maxConnections", 1),
  maxConnectionsPerAddress: limitRule("maxConnectionsPerAddress", 1),
  maxConnectionsPerUser: limitRule("maxConnectionsPerUser", 1),
  maxHandshakesPerSecond: limitRule("maxHandshakesPerSecond", Number.MIN_VALUE),
  // Zero is what it is in engine.io: no limit for WebSockets, and no POST at all.
  maxHttpBufferSize: (given) => numberOf(given) ?? ENGINE_DEFAULTS.maxHttpBufferSize,
  // Older programs name the engine ("ws"): anything but a class means the built-in one.
  wsEngine: (given: unknown) => (typeof given === "function" ? given : undefined),
  cookie: (given: ResolvedEngineOptions["cookie"]) => given && resolveCookie(given),
  allowRequest: resolveAllowRequest,
  transports: resolveTransports,
  perMessageDeflate: resolveDeflate,
  slowReader: (given: SlowReaderOptions) => resolveSlowReader(given) && given,
  clock: (given: Clock) => (isAbsent(given) ? ENGINE_DEFAULTS.clock : given),
};

/**
 * Lays the given options over the defaults; an undefined option counts as not given. Numbers may be text; a time that is not
 * a number counts as not given, and one below zero is zero.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function resolveEngineOptions(options: ServerOptions): ResolvedEngineOptions {
  const resolved: ResolvedEngineOptions = { ...ENGINE_DEFAULTS };
  for (const [name, value] of Object.entries(options)) if (value !== undefined) setOption(resolved, name, value);
  return resolved;
}

/**
 * Sets one option, by the same rules whether the server has started or not.
 *
 * @throws UsageError `OPTION_INVALID`
 */
function setOption(options: ResolvedEngineOptions, name: string, given: unknown): void {
  const rule = OPTION_RULES[name as keyof ServerOptions] as ((given: unknown) => unknown) | undefined;
  const value = given === undefined ? ENGINE_DEFAULTS[name as keyof ResolvedEngineOptions] : rule ? rule(given) : given;
  if (value === undefined) delete options[name as "maxPollPackets"];
  else Object.assign(options, { [name]: value });
}

/** The options as programs see them: what is set later is checked like what was given first. */
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

/** Text counts for the transports whose names are in it, as in engine.io. */
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

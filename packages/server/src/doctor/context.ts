import { type Clock, serverClock } from "../base/clock.ts";
import type { Way } from "./codes.ts";
import type { Finding } from "./finding.ts";

/** Options of an examination. Times are in milliseconds. */
export interface DoctorOptions {
  /** The path of the server. Default: `"/socket.io/"`. */
  path?: string;
  /** Headers of every request. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /** The origin of your pages, such as `"https://example.org"`. Default: none, which skips CORS. */
  origin?: string;
  /** The time limit of each request, in milliseconds. Default: 10000. */
  timeout?: number;
  /** How long to keep a poll and a WebSocket open without traffic; 0 skips this step. Default: 30000. */
  hold?: number;
  /** Called before each step, with its title. Default: none. */
  onStep?: (title: string) => void;
  /** The source of time, for tests. Default: the system's. */
  clock?: Clock;
}

const DOCTOR_DEFAULTS = {
  path: "/socket.io/",
  headers: {},
  timeout: 10_000,
  hold: 30_000,
  clock: serverClock,
} as const;

/** The data of the open packet (Engine.IO protocol, "Handshake"). */
export interface ServerHandshake {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingInterval: number;
  /** The largest message, in bytes; 1,000,000 for servers that do not send it. */
  readonly maxPayload: number;
}

/** One step of an examination. */
export interface Step {
  readonly name: string;
  /** The step in words. */
  readonly title: string;
  /** Skips the step when this way to connect does not work. */
  readonly needs?: Way;
  /** Whether the step applies to this server. Default: always. */
  applies?(context: Context): boolean;
  run(context: Context): Promise<readonly Finding[]>;
}

/** The options, and the knowledge that earlier steps have gained. */
export class Context {
  /** The URL of the server; a redirect to another origin changes it. */
  url: URL;
  readonly path: string;
  readonly namespace: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly origin: string | undefined;
  readonly timeout: number;
  readonly hold: number;
  readonly clock: Clock;
  /** The handshake of the first session; undefined before it. */
  handshake: ServerHandshake | undefined;
  /** The cookies of a sticky balancer. */
  cookie: string | undefined;
  /** The time to open a TCP connection, in milliseconds. */
  roundTrip = 0;
  readonly #broken = new Set<Way>();

  /** @throws TypeError when `url` is not an http, https, ws or wss URL */
  constructor(url: string | URL, options: DoctorOptions = {}) {
    this.url = new URL(String(url).replace(/^ws(s?):/, "http$1:"));
    if (!/^https?:$/.test(this.url.protocol)) throw new TypeError(`Not an address of a web server: ${String(url)}`);
    this.path = options.path ?? DOCTOR_DEFAULTS.path;
    this.namespace = this.url.pathname;
    this.headers = options.headers ?? DOCTOR_DEFAULTS.headers;
    this.origin = options.origin;
    this.timeout = options.timeout ?? DOCTOR_DEFAULTS.timeout;
    this.hold = options.hold ?? DOCTOR_DEFAULTS.hold;
    this.clock = options.clock ?? DOCTOR_DEFAULTS.clock;
  }

  get isSecure(): boolean {
    return this.url.protocol === "https:";
  }

  /** The host for a socket: an IPv6 address without its brackets. */
  get host(): string {
    return this.url.hostname.replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(this.url.port) || (this.isSecure ? 443 : 80);
  }

  /** Returns the URL of a request to the engine, including the query of the user's URL. */
  target(query: Readonly<Record<string, string>>, path: string = this.path): URL {
    const url = new URL(path, this.url.origin);
    const all = new URLSearchParams(this.url.search);
    for (const [name, value] of Object.entries({ EIO: "4", ...query })) all.set(name, value);
    url.search = all.toString();
    return url;
  }

  /** Records the ways to connect that findings break. */
  learn(findings: readonly Finding[]): void {
    for (const { breaks } of findings) for (const way of breaks) this.#broken.add(way);
  }

  works(way: Way): boolean {
    return !this.#broken.has(way);
  }

  /** Resolves after `ms` milliseconds. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }
}

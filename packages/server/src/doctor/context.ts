import { type Clock, systemClock } from "../base/clock.ts";
import type { Way } from "./codes.ts";
import type { Finding } from "./finding.ts";

/** How a server is examined. Times are in milliseconds. */
export interface DoctorOptions {
  /** The path of the server's option of that name. Default `"/socket.io/"`. */
  path?: string;
  /** Headers that every request carries. */
  headers?: Readonly<Record<string, string>>;
  /** The origin of the pages that will connect, such as `"https://example.org"`. Default: CORS is not examined. */
  origin?: string;
  /** How long each request may take. Default 10000. */
  timeout?: number;
  /** How long a poll and a WebSocket without traffic are held; 0 leaves that out. Default 30000. */
  hold?: number;
  /** Called before each step, with its title. */
  onStep?: (title: string) => void;
  /** Time as the doctor sees it; tests hand in their own. */
  clock?: Clock;
}

const DEFAULTS = {
  path: "/socket.io/",
  headers: {},
  timeout: 10_000,
  hold: 30_000,
  clock: systemClock,
} as const;

/** What the server says when it opens a session (Engine.IO protocol, "Handshake"). */
export interface Handshake {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingInterval: number;
  /** Bytes; 1,000,000 for servers that do not say. */
  readonly maxPayload: number;
}

/** One thing that is examined. */
export interface Step {
  readonly name: string;
  /** What is examined, for a human. */
  readonly title: string;
  /** It is left out when this way to connect is known not to work. */
  readonly needs?: Way;
  /** Whether it has something to examine. Default: always. */
  applies?(context: Context): boolean;
  run(context: Context): Promise<readonly Finding[]>;
}

/** What is known about the server so far; each step adds to it. */
export class Context {
  /** Where requests go; redirections change it. */
  url: URL;
  readonly path: string;
  readonly namespace: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly origin: string | undefined;
  readonly timeout: number;
  readonly hold: number;
  readonly clock: Clock;
  /** Of the first session; undefined when none could be opened over polling. */
  handshake: Handshake | undefined;
  /** Cookies that the balancer wants to see again. */
  cookie: string | undefined;
  /** How long a TCP connection takes, in milliseconds. */
  roundTrip = 0;
  readonly #broken = new Set<Way>();

  /** @throws TypeError when `url` is none, or not of http, https, ws or wss. */
  constructor(url: string | URL, options: DoctorOptions = {}) {
    this.url = new URL(String(url).replace(/^ws(s?):/, "http$1:"));
    if (!/^https?:$/.test(this.url.protocol)) throw new TypeError(`Not an address of a web server: ${String(url)}`);
    this.path = options.path ?? DEFAULTS.path;
    this.namespace = this.url.pathname;
    this.headers = options.headers ?? DEFAULTS.headers;
    this.origin = options.origin;
    this.timeout = options.timeout ?? DEFAULTS.timeout;
    this.hold = options.hold ?? DEFAULTS.hold;
    this.clock = options.clock ?? DEFAULTS.clock;
  }

  get isSecure(): boolean {
    return this.url.protocol === "https:";
  }

  /** The host as a socket wants it: an IPv6 address without its brackets. */
  get host(): string {
    return this.url.hostname.replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(this.url.port) || (this.isSecure ? 443 : 80);
  }

  /** The address of a request to the engine; the query of the user's URL is kept. */
  target(query: Readonly<Record<string, string>>, path: string = this.path): URL {
    const url = new URL(path, this.url.origin);
    const all = new URLSearchParams(this.url.search);
    for (const [name, value] of Object.entries({ EIO: "4", ...query })) all.set(name, value);
    url.search = all.toString();
    return url;
  }

  /** Notes what does not work any more. */
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

import { type LogSink, setLogScopes } from "../base/log.ts";
import type { PendingCall } from "../base/clock.ts";
import { safeUrl } from "./handshake.ts";
import { PacketTexts } from "./packet-text.ts";
import { SEND_INTERVAL, SENDS_A_SECOND } from "./pace.ts";
import type { BoardCore, Viewer } from "./part.ts";
import { HIDDEN, Redaction } from "./redaction.ts";

/** Lines for a page in each second; the rest is counted as skipped. */
const MOST_LOGGED = 500;
const MOST_LINE = 500;
const MINUTE_OF_LOG = 60_000;
/** Ids of sessions and sockets, also before a session opens and after its end. */
const ID = /[\w-]{20,}/g;

/** Logs name the type of a packet before its data. */
const LOGGED_TYPES: ReadonlySet<string> = new Set(["open", "close", "ping", "pong", "message", "upgrade", "noop"]);

/** Lines of the log for one page, for some minutes. The next page that asks gets them instead. */
export class LogFeed {
  readonly #core: BoardCore;
  readonly #redaction: Redaction;
  #viewer: Viewer | undefined;
  #until = 0;
  #lines: string[] = [];
  #skipped = 0;
  #left = MOST_LOGGED;
  #intervals = 0;
  #timer: PendingCall | undefined;
  /** Pages whose end is waited for. */
  readonly #known = new WeakSet<Viewer>();

  constructor(core: BoardCore) {
    this.#core = core;
    const { payloads: level, redact } = core.options;
    this.#redaction = new Redaction({ level, redact, isSessionId: () => true });
  }

  /** Enables more scopes. Lines go to `stderr` as well. */
  open(viewer: Viewer, scopes: string, minutes: number): void {
    this.close();
    this.#viewer = viewer;
    this.#until = this.#core.clock.now() + minutes * MINUTE_OF_LOG;
    this.#left = MOST_LOGGED;
    setLogScopes(scopes, this.#take);
    this.#timer = this.#core.clock.after(SEND_INTERVAL, () => this.#onInterval());
    if (this.#known.has(viewer)) return;
    this.#known.add(viewer);
    viewer.onGone(() => this.#viewer === viewer && this.close());
  }

  close(): void {
    if (this.#viewer === undefined) return;
    setLogScopes("", undefined);
    this.#timer?.cancel();
    this.#flush(this.#viewer);
    this.#viewer = undefined;
  }

  #onInterval(): void {
    const viewer = this.#viewer;
    if (viewer === undefined) return;
    if (this.#core.clock.now() >= this.#until) return this.close();
    this.#timer = this.#core.clock.after(SEND_INTERVAL, () => this.#onInterval());
    this.#intervals += 1;
    if (this.#intervals % SENDS_A_SECOND === 0) this.#left = MOST_LOGGED;
    this.#flush(viewer);
  }

  #flush(viewer: Viewer): void {
    if (this.#lines.length === 0 && this.#skipped === 0) return;
    viewer.logs(this.#lines, this.#skipped);
    this.#lines = [];
    this.#skipped = 0;
  }

  readonly #take: LogSink = (scope, format, args) => {
    // Each line about the page itself would make more of them.
    if (args.some((arg) => typeof arg === "string" && this.#viewer?.owns(arg))) return;
    if (this.#left === 0) this.#skipped += 1;
    else {
      this.#left -= 1;
      this.#lines.push(`${scope} ${this.#format(format, args)}`.slice(0, MOST_LINE));
    }
  };

  /** The formats are texts of this package; what they show is not. */
  #format(format: string, args: readonly unknown[]): string {
    let next = 0;
    return format.replace(/%([a-zA-Z%])/g, (found, letter: string) => {
      if (letter === "%") return "%";
      if (next >= args.length) return found;
      const arg = args[next];
      next += 1;
      try {
        const before = args[next - 2];
        const isPacket = letter === "j" || (typeof before === "string" && LOGGED_TYPES.has(before));
        return isPacket ? this.#payload(arg, before) : this.#word(arg);
      } catch {
        return HIDDEN;
      }
    });
  }

  /** Names, ids, codes and sentences. */
  #word(value: unknown): string {
    if (Array.isArray(value)) return value.map((each) => this.#word(each)).join(", ");
    if (typeof value !== "string") return typeof value === "number" ? String(value) : this.#redaction.value(value);
    const [text = "", query] = value.startsWith("/") ? safeUrl(value).split("?", 2) : [value];
    const named = text.replace(ID, (id) => `<${this.#core.handles.hash(id)}>`);
    const shown = this.#redaction.name(named, MOST_LINE);
    return query === undefined ? shown : `${shown}?${query}`;
  }

  /** @param before the type of the packet, where logs name it */
  #payload(value: unknown, before?: unknown): string {
    if (Array.isArray(value)) return value.map((each) => this.#payload(each)).join(" ");
    if (typeof value === "string" || Buffer.isBuffer(value)) {
      const type = typeof before === "string" && LOGGED_TYPES.has(before) ? before : "message";
      const { head, body } = new PacketTexts(this.#redaction, true).describe("in", { type, data: value });
      return `${head} ${body}`;
    }
    // The credentials of a client, or the key to its session.
    if (typeof value === "object" && value !== null && "type" in value && value.type === 0) return HIDDEN;
    return this.#redaction.value(value);
  }
}

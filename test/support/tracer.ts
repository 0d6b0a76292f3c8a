import { createHash } from "node:crypto";
import { within } from "./waiting.ts";

/** Headers that matter to clients, with values that do not depend on the time. */
const TRACED_HEADERS = [
  "content-type",
  "content-encoding",
  "cache-control",
  "etag",
  "set-cookie",
  "vary",
  "x-xss-protection",
  "upgrade",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];

const isTraced = (name: string): boolean =>
  TRACED_HEADERS.includes(name) || name.startsWith("access-control-") || name.startsWith("x-custom-");

/** Returns the traced parts of an HTTP answer. */
export interface TracedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

const LONGEST = 300;

function shorten(text: string): string {
  if (text.length <= LONGEST) return text;
  const digest = createHash("sha1").update(text).digest("hex").slice(0, 10);
  return `${text.slice(0, 60)}...(${text.length} characters, ${digest})`;
}

/** `JSON.stringify` calls `Buffer.toJSON` before the replacer sees the value. */
function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === "object" && value !== null && (value as { type?: unknown }).type === "Buffer";
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { error: value.message };
  if (value instanceof Map) return { map: [...value] };
  if (value instanceof Set) return { set: [...value] };
  if (value === undefined) return "<undefined>";
  return isBufferJson(value) ? `<Buffer ${Buffer.from(value.data).toString("hex")}>` : value;
}

/** Formats any value as one line of a trace. */
export function show(value: unknown): string {
  if (typeof value === "string") return value === "" ? "<empty>" : value;
  return value === undefined ? "<undefined>" : JSON.stringify(value, plain);
}

/** Lanes by name. Each is in order; the order between lanes is undefined, as sockets are independent. */
export type Trace = Record<string, string[]>;

/** Records the traffic and the application's events, with ids, ports and times masked. */
export class Tracer {
  readonly #lanes = new Map<string, string[]>();
  readonly #heads = new Map<string, string>();
  readonly #masks = new Map<string, string>();
  readonly #learnt = new Map<string, number>();
  readonly #watchers = new Set<() => void>();

  /** Adds a line to a lane. */
  write(lane: string, line: string): void {
    this.#learn(lane, line);
    const lines = this.#lanes.get(lane) ?? [];
    lines.push(line);
    this.#lanes.set(lane, lines);
    for (const watcher of this.#watchers) watcher();
  }

  /** Adds the head of an HTTP answer, unless the previous one in this lane was equal. */
  reply(lane: string, reply: TracedReply): void {
    const headers = Object.entries(reply.headers)
      .filter(([name]) => isTraced(name))
      .map(([name, value]) => `${name}=${show(value)}`)
      .sort();
    const head = [`status ${reply.status}`, ...headers].join(" | ");
    if (this.#heads.get(lane) === head) return;
    this.#heads.set(lane, head);
    this.write(lane, head);
  }

  /** Replaces `secret` by `label` in the finished trace. */
  mask(secret: string, label: string): void {
    if (secret !== "" && !this.#masks.has(secret)) this.#masks.set(secret, label);
  }

  lane(name: string): readonly string[] {
    return this.#lanes.get(name) ?? [];
  }

  /** Waits until `times` lines of the lane match. */
  seen(lane: string, pattern: RegExp | string, times = 1): Promise<void> {
    const matches = (line: string): boolean =>
      typeof pattern === "string" ? line.includes(pattern) : pattern.test(line);
    const isSeen = (): boolean => this.lane(lane).filter(matches).length >= times;
    if (isSeen()) return Promise.resolve();
    let watcher: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      watcher = () => {
        if (isSeen()) resolve();
      };
      this.#watchers.add(watcher);
    });
    const what = (): string => `${pattern} (${times} times) in lane ${lane}, which has\n${this.lane(lane).join("\n")}`;
    return within(arrived, what).finally(() => this.#watchers.delete(watcher));
  }

  /** The trace so far, masked. */
  finish(): Trace {
    const secrets = [...this.#masks].sort(([left], [right]) => right.length - left.length);
    const cover = (line: string): string => {
      const covered = secrets.reduce((text, [secret, label]) => text.replaceAll(secret, label), line);
      return shorten(covered.replace(/(127\.0\.0\.1|localhost):\d+/g, "$1:<port>"));
    };
    const lanes = [...this.#lanes].sort(([left], [right]) => (left < right ? -1 : 1));
    return Object.fromEntries(lanes.map(([name, lines]) => [name, lines.map(cover)]));
  }

  /** Reads ids from the traffic, where their order is certain. */
  #learn(lane: string, line: string): void {
    for (const [, kind, id] of line.matchAll(/"(sid|pid)":"([^"\\]+)"/g)) {
      if (this.#masks.has(id as string)) continue;
      const count = (this.#learnt.get(lane) ?? 0) + 1;
      this.#learnt.set(lane, count);
      this.mask(id as string, `<${kind} ${count} of ${lane}>`);
    }
  }
}

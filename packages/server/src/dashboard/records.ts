/*
 * What happened: lives of connections, ends, problems. Short lists, filled by diagnostics channels.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { isNormalEnd } from "../engine/index.ts";
import type { BoardCore } from "./part.ts";
import { EntryRing } from "./rings.ts";
import { cutText } from "./text.ts";
import { ageOf, type BoardSession, type BoardSocket } from "./sockets.ts";
import type { LifeEvent, ProblemRow } from "./wire.ts";

const MOST_LIVES = 4096;
const MOST_PROBLEMS = 1024;
const MOST_ENDED = 1024;
const MOST_SUBJECTS = 5;
const MOST_SLOW = 1024;
const MOST_TEXT = 200;
const MINUTE = 60_000;

/** An event in the life of a session. */
export type LifeRecord = LifeEvent & { readonly sid: string };

/** Why a session has ended, as the engine reports it. */
type Reason = NonNullable<BoardSession["closeReason"]>;

/** An ended session. */
export interface EndRecord {
  readonly at: number;
  readonly sid: string;
  readonly transport: string;
  readonly age: number;
  readonly reason: Pick<Reason, "code" | "limit" | "actual" | "heartbeatAge" | "loopLag">;
  label: string;
}

/** Who had a problem: a session by its id, or a word. */
type Subject = { readonly sid: string } | { readonly address: string } | { readonly name: string };

/** Problems of a code within a minute. */
export interface ProblemRecord {
  readonly minute: number;
  readonly kind: ProblemRow["kind"];
  readonly code: string;
  count: number;
  /** The last ones. */
  readonly subjects: Subject[];
}

interface OfSession {
  readonly session: BoardSession;
}
interface OfServer {
  readonly server: unknown;
}

type OnMessage = (message: never) => void;

/** The records of a server, of its start or since it was last stopped. */
export class Records {
  readonly #core: BoardCore;
  readonly lives = new EntryRing<LifeRecord>(MOST_LIVES);
  readonly ended = new EntryRing<EndRecord>(MOST_ENDED);
  readonly problems = new EntryRing<ProblemRecord>(MOST_PROBLEMS);
  /** Problems of the current minute, by kind and code. */
  readonly #thisMinute = new Map<string, ProblemRecord>();
  #minute = 0;
  #last: LifeRecord | undefined;
  #lastEnd: EndRecord | undefined;
  /** When sessions became slow readers; the oldest first. */
  readonly #slowSince = new Map<string, number>();
  /** Changes with each entry. */
  version = 0;
  readonly #listeners: readonly (readonly [channel: string, listener: (message: unknown) => void])[];

  constructor(core: BoardCore) {
    this.#core = core;
    const ofSession = (fn: (message: never) => void) => (message: unknown) => {
      if (core.isOurs((message as OfSession).session)) Reflect.apply(fn, undefined, [message]);
    };
    const ofServer = (fn: (message: never) => void) => (message: unknown) => {
      if ((message as OfServer).server === core.io) Reflect.apply(fn, undefined, [message]);
    };
    const table: Record<string, OnMessage> = {
      "portage.session.open": ({ session }: OfSession) => this.#live(session.id, "open", session.transport.name),
      "portage.session.close": (message: OfSession & { reason: Reason }) => this.#end(message),
      "portage.session.carried": ({ session, from, to }: OfSession & { from: string; to: string }) =>
        this.#live(session.id, "carried", `${from} to ${to}`),
      "portage.upgrade": ({ session, phase, transport }: OfSession & { phase: string; transport: string }) =>
        this.#live(session.id, "upgrade", `${phase}: ${transport}`),
      "portage.upgrade.failed": ({ session, step }: OfSession & { step: string }) => {
        this.#live(session.id, "upgrade", "failed", step);
        this.#problem("upgrade", step, { sid: session.id });
      },
      "portage.limit": (message: OfSession & { code: string; limit: number; actual: number }) => this.#limit(message),
    };
    const layer: Record<string, OnMessage> = {
      "portage.namespace.refused": ({
        code,
        namespace,
        conn,
      }: {
        code: string;
        namespace: string;
        conn: BoardSession;
      }) => {
        this.#live(conn.id, "refused", namespace, code);
        this.#problem("refusal", code, { sid: conn.id });
      },
      "portage.handler_error": ({ context }: { context: { handler: string; event?: unknown } }) =>
        this.#problem("handler", context.handler, { name: wordOf(context.event ?? context.handler) }),
      "portage.recovery": ({ code, namespace }: { code: string | undefined; namespace: unknown }) =>
        code === undefined ? undefined : this.#problem("recovery", code, { name: wordOf(namespace) }),
      "portage.dashboard.action": ({ name, viewer }: { name: string; viewer: string }) =>
        this.#problem("action", name, { name: wordOf(viewer) }),
      "portage.cluster": ({ code }: { code: string }) => this.#problem("cluster", code, { name: "bus" }),
    };
    this.#listeners = [
      ...Object.entries(table).map(([name, fn]) => [name, ofSession(fn)] as const),
      ...Object.entries(layer).map(([name, fn]) => [name, ofServer(fn)] as const),
      ["portage.namespace.join", (message) => this.#joined(message as { socket: BoardSocket }, "join")],
      ["portage.namespace.leave", (message) => this.#joined(message as { socket: BoardSocket }, "leave")],
      ["portage.refusal", (message) => this.#refused(message as { req: IncomingMessage; name: string })],
    ];
  }

  start(): void {
    for (const [channel, listener] of this.#listeners) subscribe(channel, listener);
  }

  stop(): void {
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
  }

  #live(sid: string, kind: string, text: string, code?: string): void {
    // A slow reader drops event after event.
    if (code !== undefined && this.#last?.sid === sid && this.#last.code === code) return;
    const event = { at: Date.now(), sid, kind, text: cutText(text, MOST_TEXT), ...(code !== undefined && { code }) };
    this.#last = event;
    this.lives.push(event);
    this.version += 1;
  }

  #joined({ socket }: { readonly socket: BoardSocket }, kind: "join" | "leave"): void {
    if (socket.nsp.server !== this.#core.io) return;
    const sid = socket.conn.id;
    this.#live(sid, kind, socket.nsp.name);
    // The sockets of a session leave right after its end.
    const end = this.#lastEnd;
    if (kind === "leave" && end?.sid === sid && end.label === "") end.label = this.#core.labelOf(socket);
  }

  #end({ session, reason }: OfSession & { readonly reason: Reason }): void {
    const { code, limit, actual, heartbeatAge, loopLag } = reason;
    const { id: sid, transport } = session;
    this.#slowSince.delete(sid);
    this.#live(sid, "end", transport.name, code);
    this.#lastEnd = {
      at: Date.now(),
      sid,
      transport: transport.name,
      age: ageOf(session, this.#core.clock.now()),
      reason: { code, limit, actual, heartbeatAge, loopLag },
      label: "",
    };
    this.ended.push(this.#lastEnd);
    if (!isNormalEnd(code)) this.#problem("end", code, { sid });
  }

  #limit({ session, code, limit, actual }: OfSession & { code: string; limit: number; actual: number }): void {
    const isSlow = code === "SLOW_READER";
    if (isSlow) this.#becameSlow(session.id);
    this.#live(session.id, isSlow ? "slow" : "limit", `${actual} of ${limit}`, code);
    this.#problem("limit", code, { sid: session.id });
  }

  #becameSlow(sid: string): void {
    this.#slowSince.delete(sid);
    const [oldest] = this.#slowSince.keys();
    if (oldest !== undefined && this.#slowSince.size >= MOST_SLOW) this.#slowSince.delete(oldest);
    this.#slowSince.set(sid, Date.now());
  }

  /** Returns when a session last became a slow reader, in milliseconds since 1970. */
  slowSince(sid: string): number | null {
    return this.#slowSince.get(sid) ?? null;
  }

  /** Requests have no session yet, but a path, which belongs to one server. */
  #refused({ req, name }: { readonly req: IncomingMessage; readonly name: string }): void {
    if (!req.url?.startsWith(`${this.#core.io.path()}/`)) return;
    this.#problem("refusal", name, { address: req.socket?.remoteAddress ?? "" });
  }

  #problem(kind: ProblemRow["kind"], code: string, subject: Subject): void {
    const minute = Math.floor(Date.now() / MINUTE) * MINUTE;
    if (minute !== this.#minute) this.#thisMinute.clear();
    this.#minute = minute;
    const key = `${kind} ${code}`;
    let record = this.#thisMinute.get(key);
    if (record === undefined) {
      record = { minute, kind, code, count: 0, subjects: [] };
      // Codes come from tables: their number is small.
      this.#thisMinute.set(key, record);
      this.problems.push(record);
    }
    record.count += 1;
    record.subjects.push(subject);
    if (record.subjects.length > MOST_SUBJECTS) record.subjects.shift();
    this.version += 1;
  }
}

function wordOf(value: unknown): string {
  if (typeof value === "symbol") return wordOf(value.description);
  if (typeof value === "object" && value !== null && "name" in value) return wordOf(value.name);
  return typeof value === "string" ? cutText(value, MOST_TEXT) : "";
}

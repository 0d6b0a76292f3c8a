import { randomBytes } from "node:crypto";
import { nextTurn } from "../base/turn.ts";
import type { Pass } from "./access.ts";
import type { Viewer, ViewParams } from "./part.ts";
import { type AskedQuestion, type QuestionName, readQuestion } from "./questions.ts";
import type { BoardSocket } from "./sockets.ts";
import type { Actions, Finding, FromPage, FromServer, Hello, Role, TappedPacket, Tick, ViewName } from "./wire.ts";
import type { PartRegistry } from "./registry.ts";

/** Bytes that wait for a page, above which it gets neither packets nor lines. Their number comes with the next ones. */
const MOST_BEHIND = 128_000;
/** Malformed messages after which the page is sent away. */
const MOST_BAD = 3;
/** Questions of a page that may wait for their answers. */
const MOST_PENDING = 16;

/** Counts lines of the log among the taps; handles are longer. */
const LINES = "";

const BAD_QUESTION = { error: "BAD_QUESTION" } as const;
const TOO_MANY = { error: "TOO_MANY" } as const;
const FORBIDDEN = { error: "FORBIDDEN" } as const;
const QUESTION_FAILED = { error: "FAILED" } as const;
const ACTION_REFUSED = { error: "REFUSED" } as const;

/** What a page uses of the board. */
export interface ViewerHost {
  readonly registry: PartRegistry;
  hello(viewer: Viewer): Hello;
  findings(): readonly Finding[];
  /** Hides ids of sessions in what a page gets. */
  hide<Value>(value: Value): Value;
  /** Decides again about the request of a page. Undefined: it may stay no longer. */
  checkAgain(viewer: OpenPage): Promise<Pass | undefined>;
  /** Asks the program about an action. */
  mayAct(name: string, target: unknown, viewer: string): Promise<boolean>;
}

type Handler = (...args: never) => unknown;
type ArgsOf<Name extends QuestionName> = Parameters<FromPage[Name]>;

/** A page that is open: its questions, and what it watches. */
export class OpenPage implements Viewer {
  readonly socket: BoardSocket;
  readonly #host: ViewerHost;
  readonly #watched = new Map<ViewName, { readonly params: ViewParams; revision: number; rows: unknown }>();
  readonly #leaving = new Set<() => void>();
  /** How many packets of each tap, and how many lines, the page has not got because it was behind. */
  readonly #withheld = new Map<string, number>();
  readonly #handlers: Readonly<Record<QuestionName, Handler>>;
  #pass: Pass;
  #nonce = "";
  #bad = 0;
  #pending = 0;
  #isReady = false;

  constructor(socket: BoardSocket, pass: Pass, host: ViewerHost) {
    this.socket = socket;
    this.#pass = pass;
    this.#host = host;
    const { registry } = host;
    this.#handlers = {
      hello: () => this.#hello(),
      watch: (...[view, params]: ArgsOf<"watch">) => this.#watch(view, params),
      unwatch: (...[view]: ArgsOf<"unwatch">) => this.#watched.delete(view),
      page: (...[view, question]: ArgsOf<"page">) => registry.answer("page", view, question),
      history: (...[names, step]: ArgsOf<"history">) => registry.answer("history", names, step),
      why: (...[handle]: ArgsOf<"why">) => registry.answer("why", handle),
      tap: (...[handle]: ArgsOf<"tap">) => registry.answer("tap", handle, this),
      untap: (...[handle]: ArgsOf<"untap">) => registry.answer("untap", handle, this),
      nonce: () => ({ nonce: (this.#nonce = randomBytes(16).toString("base64url")) }),
      act: (...[name, target, nonce]: ArgsOf<"act">) => this.#act(name, target, nonce),
    };
    socket.onAny((...event: unknown[]) => this.take(event));
    socket.on("disconnect", () => this.#leaving.forEach((fn) => fn()));
  }

  get id(): string {
    return this.socket.id;
  }

  get name(): string {
    return this.#pass.name;
  }

  get role(): Role {
    return this.#pass.role;
  }

  owns(id: string): boolean {
    return id === this.socket.id || id === this.socket.conn.id;
  }

  onGone(fn: () => void): void {
    this.#leaving.add(fn);
  }

  packets(handle: string, entries: readonly TappedPacket[], skipped: number): void {
    if (this.#mayTake(handle, entries.length + skipped))
      this.#send("packets", handle, entries, skipped + this.#takeWithheld(handle));
  }

  logs(lines: readonly string[], skipped: number): void {
    if (this.#mayTake(LINES, lines.length + skipped)) this.#send("logs", lines, skipped + this.#takeWithheld(LINES));
  }

  /** Whether the page reads fast enough for more. If not, they are counted. */
  #mayTake(of: string, count: number): boolean {
    if (this.socket.conn.bufferedBytes <= MOST_BEHIND) return true;
    this.#withheld.set(of, (this.#withheld.get(of) ?? 0) + count);
    return false;
  }

  #takeWithheld(of: string): number {
    const count = this.#withheld.get(of) ?? 0;
    this.#withheld.delete(of);
    return count;
  }

  /** Sends the figures of a second. A slow page gets the newest alone. */
  tick(tick: Tick): void {
    if (this.#isReady) this.socket.conflate("tick").emit("tick", tick);
  }

  showFindings(findings: readonly Finding[]): void {
    if (this.#isReady) this.socket.conflate("findings").emit("findings", this.#host.hide(findings));
  }

  /** Sends a last message, and ends the connection. */
  bye(code: Parameters<FromServer["bye"]>[0]): void {
    this.#send("bye", code);
    this.socket.disconnect(true);
  }

  #send<Name extends keyof FromServer>(name: Name, ...args: Parameters<FromServer[Name]>): void {
    this.socket.emit(name, ...this.#host.hide(args));
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /** Takes a message: its name, then its arguments. */
  take([event, ...args]: readonly unknown[]): void {
    void this.#answer(readQuestion(event, args), args.at(-1));
  }

  async #answer(question: AskedQuestion | undefined, last: unknown): Promise<void> {
    if (question === undefined) return this.#refuseMalformed(last);
    const { name, args, done } = question;
    if (this.#pending >= MOST_PENDING) return done?.(TOO_MANY);
    this.#pending += 1;
    let answer: unknown = QUESTION_FAILED;
    try {
      answer = await Reflect.apply(this.#handlers[name], undefined, args);
    } catch {
      // The program may fail at anything. The page can ask again.
    }
    this.#pending -= 1;
    done?.(this.#host.hide(answer));
  }

  #refuseMalformed(last: unknown): void {
    if (typeof last === "function") Reflect.apply(last, undefined, [BAD_QUESTION]);
    this.#bad += 1;
    if (this.#bad >= MOST_BAD) this.bye("BAD_QUESTION");
  }

  #hello(): Hello {
    this.#isReady = true;
    // After the answer, which explains the figures.
    nextTurn(() => this.showFindings(this.#host.findings()), undefined);
    return this.#host.hello(this);
  }

  async #watch(view: ViewName, params: ViewParams): Promise<unknown> {
    const watched = { params, revision: 0, rows: undefined as unknown };
    this.#watched.set(view, watched);
    return (watched.rows = await this.#host.registry.look(view, params));
  }

  /** Sends what has changed in the watched views. `look` may share answers between pages. */
  async refresh(look: (view: ViewName, params: ViewParams) => Promise<unknown>): Promise<void> {
    for (const [view, watched] of this.#watched) {
      const rows = await look(view, watched.params);
      if (!this.socket.connected || this.#watched.get(view) !== watched || isRefused(rows)) continue;
      // The same object: nothing has changed.
      if (rows === watched.rows) continue;
      watched.rows = rows;
      watched.revision += 1;
      this.socket.conflate(view).emit("rows", view, watched.revision, this.#host.hide(rows));
    }
  }

  // ---- roles and actions -------------------------------------------------------------------------------------------

  /** Asks again for the role of the page. Returns whether it may stay. */
  async checkRole(): Promise<boolean> {
    const pass = await this.#host.checkAgain(this);
    if (pass === undefined) this.bye("ROLE_WITHDRAWN");
    else this.#pass = pass;
    return pass !== undefined;
  }

  async #act(name: keyof Actions, target: unknown, nonce: string): Promise<unknown> {
    const expected = this.#nonce;
    // Used once, whatever comes of it.
    this.#nonce = "";
    if (expected === "" || nonce !== expected) return FORBIDDEN;
    if (!(await this.checkRole()) || this.role !== "act") return FORBIDDEN;
    if (!(await this.#host.mayAct(name, target, this.name))) return ACTION_REFUSED;
    return this.#host.registry.answer("act", name, target, this);
  }
}

function isRefused(rows: unknown): boolean {
  return typeof rows === "object" && rows !== null && "error" in rows;
}

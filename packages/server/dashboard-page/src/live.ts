/*
 * The connection to the door of the server.
 * Knows: messages of the wire, and when the page is hidden.
 * Must not know: components.
 */
import { io, type Socket } from "@portage/client";
import type {
  Actions,
  Answer,
  ConnectionRow,
  Finding,
  FromPage,
  FromServer,
  Hello,
  History,
  Page,
  PageQuestion,
  Refused,
  TappedPacket,
  ViewName,
  Views,
} from "../../src/dashboard/wire.ts";
import { NO_LINES, readMinutes, readSeconds, withHistory, withTick, type Lines } from "./figures.ts";
import { Store } from "./store.ts";

/** Time limit of a question in milliseconds. */
const PATIENCE = 10_000;
/** Milliseconds after which the history of 24 hours is asked for again. */
const MINUTE = 60_000;
/** Milliseconds until the page comes back to a server that has disconnected it. */
const RETURN = 1_000;
/** Marks the page for the server; it is shown nowhere. */
const BUILD = "page-1";

/** `full`: there are as many viewers as there may be. `signedOut`: the session of the viewer has expired. `closed`: the server has said so, and the page stays as it is. */
export type Phase = "connecting" | "live" | "lost" | "full" | "signedOut" | "closed";
export type Farewell = Parameters<FromServer["bye"]>[0];
export type TapListener = (entries: readonly TappedPacket[], skipped: number) => void;
export type LogListener = (lines: readonly string[], skipped: number) => void;
export type PagedView = "connections" | "members";

/** What an answer to a request for the page says about a refused handshake. */
const REFUSALS: Readonly<Record<number, Phase>> = { 401: "signedOut", 503: "full" };

const FAILED: Refused = { error: "FAILED" };
/** The server ends a page that asks with longer texts, which an address may have. */
const TOO_LONG: Refused = { error: "BAD_QUESTION" };
const MOST_FILTER = 300;
const MOST_NAME = 100;
const MOST_NAMES = 64;
const isName = (text: string): boolean => text.length <= MOST_NAME;

/** Whether a question was not answered with what it asked for. */
export const isRefused = (answer: unknown): answer is Refused =>
  typeof answer === "object" && answer !== null && "error" in answer;

/** A watched view, and where its rows go. */
interface Watch {
  readonly params: Record<string, string>;
  readonly listener: (answer: Answer<unknown>) => void;
}

const connect = (): Socket<FromServer, FromPage> =>
  io({
    path: `${location.pathname.replace(/[^/]*$/, "")}live`,
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    upgradeTimeout: 3_000,
    reconnectionDelayMax: 5_000,
  });

/** Answers, ticks and rows of a server, for the whole page. */
export class Live {
  readonly phase = new Store<Phase>("connecting");
  readonly hello = new Store<Hello | null>(null);
  readonly farewell = new Store<Farewell | null>(null);
  /** Null until the server has sent them. */
  readonly findings = new Store<readonly Finding[] | null>(null);
  /** The last 5 minutes. */
  readonly seconds = new Store<Lines>(NO_LINES);
  /** The last 24 hours, once a component has asked for them. */
  readonly minutes = new Store<Lines>(NO_LINES);
  readonly #socket = connect();
  readonly #watches = new Map<ViewName, Watch>();
  readonly #taps = new Map<string, TapListener>();
  readonly #logs = new Set<LogListener>();
  #ticked: Lines = NO_LINES;
  /** Milliseconds that the clock of the server is ahead of this one. */
  #ahead = 0;

  constructor() {
    const socket = this.#socket;
    socket.on("connect", () => void this.#open());
    socket.on("disconnect", (reason) => this.#lose(reason));
    socket.on("connect_error", () => void this.#askWhyRefused());
    socket.on("tick", (tick) => this.#take(tick));
    socket.on("findings", (findings) => this.findings.set(findings));
    socket.on("rows", (view, _revision, rows) => this.#watches.get(view)?.listener(rows));
    socket.on("packets", (handle, entries, skipped) => this.#taps.get(handle)?.(entries, skipped));
    socket.on("logs", (lines, skipped) => {
      for (const listener of this.#logs) listener(lines, skipped);
    });
    socket.on("bye", (code) => this.#leave(code));
    document.addEventListener("visibilitychange", () => this.#turn());
  }

  /** The time of the server, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /** Names of all lines: series of the server, then gauges of the program. */
  get names(): readonly string[] {
    const hello = this.hello.get();
    return hello === null ? [] : [...hello.series.map(({ name }) => name), ...hello.gauges];
  }

  /** Names of lines whose history may be asked for. */
  get #past(): readonly string[] {
    return this.names.filter(isName).slice(0, MOST_NAMES);
  }

  /** Watches a view until the returned function is called. The listener gets the first answer, then rows every 2 s. */
  watch<Name extends ViewName>(
    view: Name,
    params: Record<string, string>,
    listener: (answer: Answer<Views[Name]>) => void,
  ): () => void {
    const watch: Watch = { params, listener: (answer) => listener(answer as Answer<Views[Name]>) };
    this.#watches.set(view, watch);
    void this.#begin(view, watch);
    return () => {
      if (this.#watches.get(view) !== watch) return;
      this.#watches.delete(view);
      this.#stop(view);
    };
  }

  page(view: PagedView, question: PageQuestion): Promise<Answer<Page<ConnectionRow>>> {
    const { filter, order, node = "" } = question;
    const isShort = filter.length <= MOST_FILTER && isName(order) && isName(node);
    return isShort ? this.#ask("page", view, question) : Promise.resolve(TOO_LONG);
  }

  /** Asks for the last 24 hours, now and every minute, until the returned function is called. */
  followMinutes(): () => void {
    const ask = async (): Promise<void> => {
      const names = this.#past;
      const history = await this.#ask<History>("history", names, "1m");
      if (!isRefused(history)) this.minutes.set(readMinutes(names, history));
    };
    void ask();
    const timer = setInterval(() => void ask(), MINUTE);
    return () => clearInterval(timer);
  }

  /** Sends packets of a connection to the listener, until the returned function is called. */
  async tap(handle: string, listener: TapListener): Promise<Answer<() => void>> {
    const answer = await this.#ask<{ ok: true }>("tap", handle);
    if (isRefused(answer)) return answer;
    this.#taps.set(handle, listener);
    return () => {
      this.#taps.delete(handle);
      if (this.#socket.connected) this.#socket.emit("untap", handle);
    };
  }

  /** Sends lines of the log to the listener, until the returned function is called. */
  followLogs(listener: LogListener): () => void {
    this.#logs.add(listener);
    return () => void this.#logs.delete(listener);
  }

  /** Performs an action; asks for its nonce first. */
  async act<Name extends keyof Actions>(
    name: Name,
    target: Parameters<Actions[Name]>[0],
  ): Promise<Answer<{ readonly ok: true; readonly affected: number }>> {
    const asked = await this.#ask<{ nonce: string }>("nonce");
    return isRefused(asked) ? asked : this.#ask("act", name, target, asked.nonce);
  }

  async #ask<T>(name: keyof FromPage, ...args: unknown[]): Promise<Answer<T>> {
    const socket = this.#socket as Socket;
    if (!socket.connected) return FAILED;
    try {
      return (await socket.timeout(PATIENCE).emitWithAck(name, ...args)) as Answer<T>;
    } catch {
      return FAILED;
    }
  }

  async #open(): Promise<void> {
    const hello = await this.#ask<Hello>("hello", { build: BUILD });
    if (isRefused(hello)) return;
    this.#ahead = hello.now - Date.now();
    this.#ticked = NO_LINES;
    this.hello.set(hello);
    this.phase.set("live");
    for (const [view, watch] of this.#watches) void this.#begin(view, watch);
    const past = this.#past;
    const history = await this.#ask<History>("history", past, "1s");
    if (isRefused(history)) return;
    this.#ticked = withHistory(readSeconds(past, history), this.#ticked, this.names);
    this.#show();
  }

  #take(tick: Parameters<FromServer["tick"]>[0]): void {
    this.#ticked = withTick(this.#ticked, this.names, tick);
    this.#show();
  }

  /** Nothing is drawn while the page is hidden. */
  #show(): void {
    if (!document.hidden) this.seconds.set(this.#ticked);
  }

  #lose(reason: string): void {
    this.#taps.clear();
    if (this.phase.get() !== "live") return;
    this.phase.set("lost");
    // the client comes back by itself, except after a disconnect packet, as a server that restarts sends it
    if (reason === "io server disconnect") setTimeout(() => this.#socket.connect(), RETURN);
  }

  #leave(code: Farewell): void {
    this.farewell.set(code);
    this.phase.set("closed");
    if (code !== "DRAINING") this.#socket.disconnect();
  }

  /** A browser hides why a handshake was refused. The page itself is refused as well once the session has expired. */
  async #askWhyRefused(): Promise<void> {
    if (this.phase.get() === "closed") return;
    const answer = await fetch("./", { method: "HEAD", cache: "no-store" }).catch(() => undefined);
    if (this.#socket.connected) return;
    this.phase.set(REFUSALS[answer?.status ?? 0] ?? "lost");
  }

  async #begin(view: ViewName, watch: Watch): Promise<void> {
    if (document.hidden || !this.#socket.connected || this.hello.get() === null) return;
    const isShort = Object.values(watch.params).every(isName);
    const answer = isShort ? await this.#ask<unknown>("watch", view, watch.params) : TOO_LONG;
    if (this.#watches.get(view) === watch && (this.#socket.connected || !isRefused(answer))) watch.listener(answer);
  }

  #stop(view: ViewName): void {
    if (this.#socket.connected) this.#socket.emit("unwatch", view);
  }

  /** Views rest while the page is hidden; ticks come in, so that lines have no gap. */
  #turn(): void {
    for (const [view, watch] of this.#watches) {
      if (document.hidden) this.#stop(view);
      else void this.#begin(view, watch);
    }
    this.#show();
  }
}

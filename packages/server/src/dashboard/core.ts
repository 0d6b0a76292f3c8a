import type { Server } from "../index.ts";
import type { Clock, PendingCall } from "../base/clock.ts";
import { kEngineClock } from "../engine/index.ts";
import { kAttached } from "../socketio/keys.ts";
import { Handles } from "./handles.ts";
import { findingsOfAll } from "./node-findings.ts";
import { OtherNodes } from "./nodes.ts";
import type { ResolvedBoardOptions } from "./options.ts";
import type { BoardCore, SampledRates } from "./part.ts";
import { SessionIds } from "./session-ids.ts";
import { type BoardSocket, networkOf } from "./sockets.ts";
import { cutText } from "./text.ts";
import type { Finding, Tick } from "./wire.ts";

const SECOND = 1000;
const MOST_LABEL = 100;
/** Milliseconds for which a question of another node counts as a viewer. It asks every 5 s. */
const ASKED_LATELY = 15_000;
const NOT_SAMPLED: SampledRates = { in: 0, out: 0 };

/** Where the core sends what parts show. */
interface Outlet {
  tick(tick: Tick): void;
  findings(findings: readonly Finding[]): void;
  viewers(): number;
}

/** What the parts share. */
export class Core implements BoardCore {
  readonly io: Server;
  readonly clock: Clock;
  readonly options: ResolvedBoardOptions;
  readonly handles = new Handles();
  readonly sessionIds: SessionIds;
  readonly nodes: OtherNodes;
  findings: readonly Finding[] = [];
  #othersFindings: readonly Finding[] = [];
  #askedAt = -Infinity;
  readonly #outlet: Outlet;
  readonly #everySecond: ((now: number) => void)[] = [];
  #ratesOf: (sid: string) => SampledRates = () => NOT_SAMPLED;
  #timer: PendingCall | undefined;

  constructor(io: Server, options: ResolvedBoardOptions, outlet: Outlet) {
    this.io = io;
    this.nodes = new OtherNodes(io);
    this.sessionIds = new SessionIds(io, (session) => this.isOurs(session));
    this.clock = io[kEngineClock];
    this.options = options;
    this.#outlet = outlet;
  }

  start(): void {
    if (this.#timer === undefined) {
      this.nodes.start();
      this.sessionIds.start();
    }
    this.#timer ??= this.clock.after(SECOND, () => this.#onSecond());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.nodes.stop();
    this.sessionIds.stop();
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  #onSecond(): void {
    this.#timer = this.clock.after(SECOND, () => this.#onSecond());
    const now = Date.now();
    for (const fn of this.#everySecond) fn(now);
  }

  isOurs({ server }: { readonly server?: unknown }): boolean {
    return server !== undefined && (this.io[kAttached].engines as ReadonlySet<unknown>).has(server);
  }

  labelOf(socket: BoardSocket): string {
    const { label } = this.options;
    if (label === undefined) return "";
    try {
      const text: unknown = label(socket);
      return typeof text === "string" || typeof text === "number" ? cutText(String(text), MOST_LABEL) : "";
    } catch {
      return "";
    }
  }

  addressOf(address: string): string {
    const { auth, role } = this.options;
    return role === "act" && typeof auth !== "function" ? address : networkOf(address);
  }

  ratesOf(sid: string): SampledRates {
    return this.#ratesOf(sid);
  }

  provideRates(ratesOf: (sid: string) => SampledRates): void {
    this.#ratesOf = ratesOf;
  }

  everySecond(fn: (now: number) => void): void {
    this.#everySecond.push(fn);
  }

  showFindings(findings: readonly Finding[]): void {
    this.findings = findings;
    this.#outlet.findings(this.allFindings);
  }

  showFindingsOfOthers(findings: readonly Finding[]): void {
    if (JSON.stringify(findings) === JSON.stringify(this.#othersFindings)) return;
    this.#othersFindings = findings;
    this.#outlet.findings(this.allFindings);
  }

  /** The findings that were shown last. */
  get allFindings(): readonly Finding[] {
    return findingsOfAll(this.findings, this.#othersFindings);
  }

  showTick(tick: Tick): void {
    this.#outlet.tick(tick);
  }

  hasViewers(): boolean {
    return this.#outlet.viewers() > 0;
  }

  takeQuestion(): void {
    this.#askedAt = this.clock.now();
  }

  isWatched(): boolean {
    return this.hasViewers() || this.clock.now() - this.#askedAt < ASKED_LATELY;
  }
}

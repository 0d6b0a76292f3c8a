/*
 * The parts of the live page. Each collects something and answers questions about it.
 * Knows: the interface between a part and the board that composes them.
 * Must not know: any part, HTTP, or how a message reaches the page.
 */
import type { Server } from "../index.ts";
import type { OtherNodes } from "./nodes.ts";
import type { BoardSocket } from "./sockets.ts";
import type { Clock } from "../base/clock.ts";
import type { ResolvedBoardOptions } from "./options.ts";
import type {
  Actions,
  Answer,
  ConnectionRow,
  Finding,
  History,
  Page,
  PageQuestion,
  Role,
  Series,
  TappedPacket,
  Tick,
  ViewName,
  Views,
  WhyPolling,
} from "./wire.ts";

/** The parameters of a view: words of its address. At most 8, of at most 200 characters each. */
export type ViewParams = Readonly<Record<string, string>>;

/** A value, now or later. A part that rejects or throws is answered as `FAILED`. */
export type Soon<T> = T | Promise<T>;

/** A page that is open. */
export interface Viewer {
  /** Unique in this process. */
  readonly id: string;
  /** Who it is, for the log: a user name, or the address. */
  readonly name: string;
  /** The role at the last check. */
  readonly role: Role;
  /** Sends packets of a tap to this page alone. */
  packets(handle: string, entries: readonly TappedPacket[], skipped: number): void;
  /** Sends lines of the log to this page alone. */
  logs(lines: readonly string[], skipped: number): void;
  /** Whether an id belongs to its own session or socket. */
  owns(id: string): boolean;
  /** Calls `fn` when the page has left. */
  onGone(fn: () => void): void;
}

/** Messages a second, from samples. */
export interface SampledRates {
  readonly in: number;
  readonly out: number;
}

/** What a part may use. */
export interface BoardCore {
  readonly io: Server;
  readonly clock: Clock;
  readonly options: ResolvedBoardOptions;
  readonly handles: {
    /** The keyed hash by which pages know a session or a socket. The id itself never leaves. */
    of(id: string): string;
    /** Returns the same without remembering it: for comparisons. */
    hash(id: string): string;
    /** The id behind a handle that was shown recently; undefined for any other. */
    idOf(handle: string): string | undefined;
  };
  readonly sessionIds: {
    /** Whether a session with this id has ended lately. */
    hasEnded(id: string): boolean;
    /** Puts handles in the place of ids, in all texts of a value. */
    hide<Value>(value: Value): Value;
  };
  /** The live pages of other nodes. */
  readonly nodes: OtherNodes;
  /** Whether a session belongs to `io`: diagnostics channels report the sessions of all servers. */
  isOurs(subject: { readonly server?: unknown }): boolean;
  /** The label of a socket by the option `label`; empty without one, or when it fails. Calls the program. */
  labelOf(socket: BoardSocket): string;
  /** An address as pages may see it: its network, or all of it where the option `role` lets viewers act. */
  addressOf(address: string): string;
  /** Messages a second that come from a session and go to it, from samples; 0 if it was not sampled. */
  ratesOf(sid: string): SampledRates;
  /** Sets where {@link ratesOf} has its figures from. */
  provideRates(ratesOf: (sid: string) => SampledRates): void;
  /** Calls `fn` once a second, from start to stop. `now` is in milliseconds since 1970. */
  everySecond(fn: (now: number) => void): void;
  /** The findings of this node. */
  readonly findings: readonly Finding[];
  /** Sends the findings of this node to all pages, open now or later. Call it when the findings have changed. */
  showFindings(findings: readonly Finding[]): void;
  /** The same for the findings of other nodes; nothing is sent if they are the same. */
  showFindingsOfOthers(findings: readonly Finding[]): void;
  /** Sends the figures of a second to all pages. */
  showTick(tick: Tick): void;
  /** Whether a page is open. */
  hasViewers(): boolean;
  /** Another node has asked for a page of its own. */
  takeQuestion(): void;
  /** Whether a page is open, or another node has asked lately. */
  isWatched(): boolean;
}

/** Answers to questions that are not views. Arguments have passed the schema; roles and nonces have been checked. */
export interface PartAnswers {
  page(view: "connections" | "members", question: PageQuestion): Soon<Answer<Page<ConnectionRow>>>;
  history(names: readonly string[], step: "1s" | "1m"): Soon<Answer<History>>;
  why(handle: string): Soon<Answer<WhyPolling>>;
  tap(handle: string, viewer: Viewer): Soon<Answer<{ readonly ok: true }>>;
  untap(handle: string, viewer: Viewer): void;
  act(
    name: keyof Actions,
    target: unknown,
    viewer: Viewer,
  ): Soon<Answer<{ readonly ok: true; readonly affected: number }>>;
}

/** A part of the board. Nothing runs before `start()`, nor after `stop()`. */
export interface BoardPart {
  /** Answers for views, by name. A watched view is asked again every 2 s. */
  readonly views?: { readonly [Name in ViewName]?: (params: ViewParams) => Soon<Answer<Views[Name]>> };
  readonly answers?: Partial<PartAnswers>;
  /** Names for `hello.features`. */
  readonly features?: readonly string[];
  /** The series of its ticks, for `hello.series`. */
  readonly series?: readonly Series[];
  start?(): void;
  stop?(): void;
}

/** Makes a part. */
export type MakePart = (core: BoardCore) => BoardPart;

/*
 * Messages between the live page and its door.
 * Knows: shapes of data, and nothing else, so that the page and the server share this file.
 * Must not know: how a figure is collected, or how it is drawn.
 */
import type { ByeCode, RefusedCode, WhyCode } from "./codes.ts";

/** What a viewer may do: look, or also change things. */
export type Role = "view" | "act";

/** How much of a payload a viewer sees: nothing, its types and sizes, or its values. */
export type Payloads = "none" | "shape" | "values";

/** The unit of a series. Rates are per second. */
export type Unit = "count" | "rate" | "bytes" | "byteRate" | "ms" | "share";

/** A series of the history: a number for each second. */
export interface Series {
  /** A stable name, e.g. `connections`, `events.in`, `loop.p99`. */
  readonly name: string;
  readonly label: string;
  readonly unit: Unit;
}

/** A limit in force, e.g. `maxConnections`. */
export interface LimitInForce {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** The most that is in use now; absent where it is not counted. */
  readonly used?: number;
}

/** The answer to `hello`. */
export interface Hello {
  readonly version: string;
  readonly node: string;
  /** When the server started, in milliseconds since 1970. */
  readonly started: number;
  /** The clock of the server, in milliseconds since 1970. */
  readonly now: number;
  /** The path of the Socket.IO server. */
  readonly path: string;
  readonly role: Role;
  readonly payloads: Payloads;
  readonly series: readonly Series[];
  /** Names of the program's own cards: series that come after `series` in each tick. */
  readonly gauges: readonly string[];
  readonly limits: readonly LimitInForce[];
  /** Parts that this server has: `cluster`, `label`, `actions`, `taps`. */
  readonly features: readonly string[];
}

/** `tick`: the time in milliseconds since 1970, then a value for each series and gauge. NaN is sent as null. */
export type Tick = readonly [time: number, ...values: ReadonlyArray<number | null>];

/** The answer to `history`: `values` holds a Float32Array, one series after the other. */
export interface History {
  /** The time of the first value, in milliseconds since 1970. */
  readonly from: number;
  /** Milliseconds between two values. */
  readonly step: number;
  readonly count: number;
  /** Little endian, `names.length * count` numbers. For steps of a minute: min, max and mean of each series in turn. */
  readonly values: Uint8Array;
}

/** Something that is wrong, in a sentence with numbers. */
export interface Finding {
  /** The tag of another node of the cluster; absent for this one. */
  readonly node?: string;
  /** E.g. `HOT_ROOM`. */
  readonly code: string;
  /** A name that a person knows: a room, an event, a label or handle, the /24 of a network, what grows. */
  readonly subject: string;
  readonly level: "problem" | "warning";
  readonly sentence: string;
  /** What to do. */
  readonly advice: string;
  /** When it began, in milliseconds since 1970. */
  readonly since: number;
  /** A view of the page, e.g. `#/rooms?nsp=/`. */
  readonly link?: string;
  /** Figures then and now, for what grows. */
  readonly figures?: ReadonlyArray<{
    readonly label: string;
    readonly then: number;
    readonly now: number;
    readonly unit: Unit;
  }>;
}

/** A connection in the table. */
export interface ConnectionRow {
  /** A keyed hash of the session id: the id itself never leaves the process. */
  readonly handle: string;
  readonly label: string;
  readonly state: "open" | "closing" | "adrift";
  readonly transport: string;
  /** The client has been on polling for 30 s although it may upgrade. */
  readonly stuck: boolean;
  readonly revision: number;
  readonly address: string;
  /** Milliseconds. */
  readonly age: number;
  /** Milliseconds of the last heartbeat; null before the first. */
  readonly rtt: number | null;
  /** Queued bytes. */
  readonly queued: number;
  /** When it became a slow reader, in milliseconds since 1970; null for any other. */
  readonly slowSince: number | null;
  /** Messages that a slow-reader policy left out. */
  readonly dropped: number;
  readonly sockets: number;
  readonly rooms: number;
  /** Messages a second, from samples; 0 if it was not sampled. */
  readonly in: number;
  readonly out: number;
}

/** Natural order shows all rows; any other order shows the first 1,000. */
export type ConnectionOrder = "natural" | "age" | "rtt" | "queued" | "dropped" | "rooms" | "in" | "out";

/** The parameters of a question for rows. */
export interface PageQuestion {
  readonly order: string;
  readonly descending: boolean;
  /** Words such as `transport:polling`, `slow:yes`, `room:lobby`, `age>60`, and free text. */
  readonly filter: string;
  readonly from: number;
  /** At most 200. */
  readonly count: number;
  /** The tag of another node of the cluster; absent for this one. */
  readonly node?: string;
}

/** The answer to `page`. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly from: number;
  /** All rows that match. */
  readonly total: number;
  /** Whether `from` may reach beyond the first 1,000. */
  readonly exact: boolean;
}

/** An entry of a connection's timeline. */
export interface LifeEvent {
  readonly at: number;
  /** E.g. `open`, `upgrade`, `join`, `limit`, `slow`, `end`. */
  readonly kind: string;
  readonly text: string;
  readonly code?: string;
}

/** Why a client is on polling: a code of the decision list, its sentence, and what to do. */
export interface WhyPolling {
  /** One of a list, e.g. `NETWORK_BLOCKS`. */
  readonly code: WhyCode;
  /** What is the case, for people. */
  readonly sentence: string;
  /** What to do about it. */
  readonly advice: string;
}

/** One connection's story, as the answer to `watch("connection", { handle })`. */
export interface ConnectionStory {
  readonly row: ConnectionRow | null;
  /** The record of the end, if it has ended. */
  readonly ended: EndedRow | null;
  readonly timeline: readonly LifeEvent[];
  /** Headers and query of the handshake, redacted. */
  readonly handshake: ReadonlyArray<readonly [name: string, value: string]>;
  readonly sockets: ReadonlyArray<{
    readonly namespace: string;
    /** A keyed hash of the socket's id. */
    readonly handle: string;
    readonly rooms: readonly string[];
    readonly pendingAcks: number;
    readonly recovered: boolean;
  }>;
  readonly why: WhyPolling | null;
}

/** A connection that has ended. */
export interface EndedRow {
  readonly at: number;
  readonly handle: string;
  readonly label: string;
  readonly transport: string;
  readonly age: number;
  readonly code: string;
  readonly sentence: string;
  readonly advice: string;
  readonly limit?: number;
  readonly actual?: number;
  readonly heartbeatAge?: number;
  readonly loopLag?: number;
}

/** Problems of one code within one minute. */
export interface ProblemRow {
  readonly minute: number;
  readonly kind: "end" | "refusal" | "limit" | "upgrade" | "handler" | "cluster" | "recovery" | "action";
  readonly code: string;
  readonly count: number;
  readonly sentence: string;
  readonly advice: string;
  /** Handles, labels or addresses of the last ones, at most 5. */
  readonly subjects: readonly string[];
}

export interface NamespaceRow {
  readonly name: string;
  readonly sockets: number;
  readonly rooms: number;
}

export interface RoomRow {
  readonly namespace: string;
  readonly room: string;
  readonly members: number;
  /** Deliveries a second, from samples. */
  readonly deliveries: number;
  /** Share of all deliveries. */
  readonly share: number;
}

export interface RoomsView {
  readonly namespaces: readonly NamespaceRow[];
  readonly byMembers: readonly RoomRow[];
  readonly byDeliveries: readonly RoomRow[];
}

export interface EventRow {
  readonly direction: "in" | "out";
  readonly namespace: string;
  readonly name: string;
  readonly rate: number;
  /** Share of the messages of this direction. */
  readonly share: number;
  readonly byteRate: number;
  /** Sizes in bytes. */
  readonly sizes: Percentiles;
  /** Time in the listener in milliseconds; null for sent events. */
  readonly handler: Percentiles | null;
  /** Time until the acknowledgement in milliseconds; null where none was seen. */
  readonly ack: Percentiles | null;
  /** Receivers of a broadcast; null for received events. */
  readonly receivers: Percentiles | null;
  readonly failures: number;
}

/** Ends of connections with one code. */
export interface EndCount {
  readonly code: string;
  readonly sentence: string;
  readonly advice: string;
  /** Whether something went wrong: `CLIENT_CLOSED` and the like are not a problem. */
  readonly abnormal: boolean;
  /** Since the server started. */
  readonly total: number;
  /** In the last 5 minutes. */
  readonly recent: number;
}

/** What the overview shows beside series and findings. */
export interface OverviewView {
  readonly ends: readonly EndCount[];
  readonly limits: readonly LimitInForce[];
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface EventsView {
  readonly events: readonly EventRow[];
  /** One packet in so many was looked at. */
  readonly stride: number;
}

export interface NodeRow {
  readonly tag: string;
  readonly state: "up" | "draining" | "silent";
  readonly self: boolean;
  readonly version: string;
  readonly age: number;
  readonly connections: number;
  /** Milliseconds. */
  readonly loopLag: number;
  readonly heap: number;
  /** When it was last heard, in milliseconds since 1970. */
  readonly heard: number;
}

/** A packet of a tap. */
export interface TappedPacket {
  readonly at: number;
  readonly direction: "in" | "out";
  /** E.g. `EVENT /chat 12[]`. */
  readonly head: string;
  /** As `payloads` allows. */
  readonly body: string;
  readonly bytes: number;
}

/** Names of views that can be watched, and what `rows` brings. `page` answers connections, ended and members. */
export interface Views {
  readonly overview: OverviewView;
  readonly connection: ConnectionStory;
  readonly problems: readonly ProblemRow[];
  readonly ended: readonly EndedRow[];
  readonly rooms: RoomsView;
  readonly events: EventsView;
  readonly cluster: readonly NodeRow[];
}
export type ViewName = keyof Views;

/** Actions of the role `act`. */
export interface Actions {
  disconnect(target: { handle?: string; filter?: string; count: number; node?: string }): void;
  join(target: { handle: string; namespace: string; room: string }): void;
  leave(target: { handle: string; namespace: string; room: string }): void;
  emit(target: { handle?: string; namespace: string; room?: string; event: string; args: string; count: number }): void;
  log(target: { scopes: string; minutes: number }): void;
  drain(target: { timeout: number }): void;
}

export interface Refused {
  readonly error: RefusedCode;
}
export type Answer<T> = T | Refused;

/** What the page sends. The last argument is the acknowledgement. */
export interface FromPage {
  hello(page: { readonly build: string }, done: (answer: Answer<Hello>) => void): void;
  watch<Name extends ViewName>(
    view: Name,
    params: Record<string, string>,
    done: (answer: Answer<Views[Name]>) => void,
  ): void;
  unwatch(view: ViewName): void;
  /** `view`: `connections`, or `members` with a filter `nsp:<name> room:<name>`. */
  page(
    view: "connections" | "members",
    question: PageQuestion,
    done: (answer: Answer<Page<ConnectionRow>>) => void,
  ): void;
  history(names: readonly string[], step: "1s" | "1m", done: (answer: Answer<History>) => void): void;
  why(handle: string, done: (answer: Answer<WhyPolling>) => void): void;
  tap(handle: string, done: (answer: Answer<{ readonly ok: true }>) => void): void;
  untap(handle: string): void;
  act(
    name: keyof Actions,
    target: unknown,
    nonce: string,
    done: (answer: Answer<{ readonly ok: true; readonly affected: number }>) => void,
  ): void;
  /** The nonce that the next action needs. */
  nonce(done: (answer: Answer<{ readonly nonce: string }>) => void): void;
}

/** What the server sends. */
export interface FromServer {
  /** Once a second; only the newest waits for a slow page. */
  tick(tick: Tick): void;
  /** Every 2 s while a view is watched. */
  rows(view: ViewName, revision: number, rows: unknown): void;
  findings(findings: readonly Finding[]): void;
  packets(handle: string, entries: readonly TappedPacket[], skipped: number): void;
  logs(lines: readonly string[], skipped: number): void;
  bye(code: ByeCode): void;
}

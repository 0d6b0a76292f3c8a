import type { BroadcastFlags, BroadcastOptions, Room } from "@portage/server/adapter";
import type { LogPosition } from "../order/log.ts";
import { decodeParts, encodeParts, type Part } from "./parts.ts";

/*
 * The messages between adapters.
 *
 *   u8 kind | u32 request | u16 length, namespace | u32 length, head (JSON) | parts
 *
 * parts.ts has the form of the parts.
 *
 * Messages come from other processes and maybe other versions: everything is checked before it is used.
 */

/** The kinds of messages, by their number on the wire. */
const KINDS = {
  /** an event for sockets; parts: the encoded packet */
  BROADCAST: 1,
  /** the same, and the clients acknowledge it */
  ASK: 2,
  JOIN: 3,
  LEAVE: 4,
  DISCONNECT: 5,
  FETCH: 6,
  /** an event of a server; parts: its arguments */
  EMIT: 7,
  /** the same, and the servers answer it */
  QUESTION: 8,
  /** answers ASK: the number of clients that were asked */
  CLIENTS: 9,
  /** answers ASK: the answer of one client */
  ACK: 10,
  /** answers FETCH: details of sockets */
  SOCKETS: 11,
  /** answers QUESTION */
  ANSWER: 12,
  /** answers any request: the node does not have the namespace */
  ABSENT: 13,
  /** answers any request: the node could not answer */
  FAILED: 14,
  /** a node has the namespace now, and asks for POSITION */
  HELLO: 15,
  /** the number of the last recoverable event of a node */
  POSITION: 16,
  /** asks for a session */
  SEEK: 17,
  /** answers SEEK; parts: data, the answered events, and the missed events */
  GIVEN: 18,
  /** a listener has answered after its session was given away; parts: the encoded answer, none if it has failed */
  ANSWERED: 21,
  /** a node has taken a record from the store, and asks its last owner for what it has not written */
  TAKE: 19,
  /** answers TAKE; part: the record */
  RECORD: 20,
} as const;

export type MessageKind = keyof typeof KINDS;
type AnswerKind = "CLIENTS" | "ACK" | "SOCKETS" | "ANSWER" | "ABSENT" | "FAILED" | "GIVEN" | "RECORD";

const NAMES = new Map<number, MessageKind>(
  Object.entries(KINDS).map(([name, number]) => [number, name as MessageKind]),
);

/** The kinds that ask for an answer, and the answers. */
const ANSWERED_KINDS: ReadonlySet<MessageKind> = new Set<MessageKind>(["ASK", "FETCH", "QUESTION", "SEEK", "TAKE"]);
const COMMANDS: ReadonlySet<MessageKind> = new Set<CommandMessage["kind"]>(["JOIN", "LEAVE", "DISCONNECT", "ASK"]);
const ANSWERS: ReadonlySet<MessageKind> = new Set<AnswerKind>([
  "CLIENTS",
  "ACK",
  "SOCKETS",
  "ANSWER",
  "ABSENT",
  "FAILED",
  "GIVEN",
  "RECORD",
]);

/** What the bus reads of a message. */
export interface MessageAddress {
  readonly kind: MessageKind;
  /** The number of the request; 0: none. */
  readonly request: number;
  readonly nsp: string;
  /** Where the head begins. */
  readonly end: number;
}

/** Receivers and flags, with arrays instead of sets. */
interface WireOptions {
  readonly rooms: readonly Room[];
  readonly except: readonly Room[];
  readonly flags: BroadcastFlags;
}

/** The heads of messages. */
interface Heads {
  /** `number`: of a recoverable event. `after`: see {@link Delayed}. */
  BROADCAST: { readonly opts: WireOptions; readonly number?: number | undefined } & Delayed;
  /** `ms`: time to answer, in milliseconds; null: any. */
  ASK: { readonly opts: WireOptions; readonly ms: number | null; readonly once?: string };
  JOIN: { readonly opts: WireOptions; readonly targets: Room[]; readonly once?: string };
  LEAVE: { readonly opts: WireOptions; readonly targets: Room[]; readonly once?: string };
  DISCONNECT: { readonly opts: WireOptions; readonly close: boolean; readonly once?: string };
  FETCH: { readonly opts: WireOptions } & Delayed;
  EMIT: object;
  QUESTION: object;
  CLIENTS: { readonly clients: number };
  ACK: object;
  SOCKETS: object;
  ANSWER: object;
  ABSENT: object;
  FAILED: object;
  HELLO: object;
  POSITION: { readonly number: number };
  SEEK: { readonly pid: string; readonly offset: string };
  ANSWERED: { readonly pid: string; readonly id: number };
  GIVEN: {
    readonly sid: string;
    readonly rooms: Room[];
    readonly positions: Readonly<Record<string, number>>;
    readonly nodes: string[];
  };
  TAKE: { readonly pid: string; readonly term: string };
  RECORD: object;
}

/** Counts after what the log has up to a position: the sender had delivered that much. */
interface Delayed {
  readonly after?: LogPosition | undefined;
}

/** A message that was checked. */
export type Message = {
  [Kind in MessageKind]: {
    readonly kind: Kind;
    readonly request: number;
    readonly head: Heads[Kind];
    readonly parts: readonly Part[];
  };
}[MessageKind];

/** A message that answers a request of this node. */
export type AnswerMessage = Extract<Message, { readonly kind: AnswerKind }>;

/** A message for the responder. */
export type Instruction = Exclude<Message, AnswerMessage>;

/** A message to send. */
export type OutgoingMessage = {
  [Kind in MessageKind]: {
    readonly kind: Kind;
    readonly nsp: string;
    readonly request?: number;
    readonly head: Heads[Kind];
    readonly parts?: readonly unknown[];
  };
}[MessageKind];

/** A message that changes sockets, or asks their clients. With `once`, its id, it may come over the log and over a link, and counts once. */
export type CommandMessage = Extract<OutgoingMessage, { readonly kind: "JOIN" | "LEAVE" | "DISCONNECT" | "ASK" }>;

/** Kind, request, length of the namespace. */
const ADDRESS_BYTES = 7;

// ---- options -------------------------------------------------------------------------------------------------------

/** Converts options for the wire. */
export function toWire({ rooms, except, flags = {} }: BroadcastOptions): WireOptions {
  // Only what receiving nodes obey.
  const { volatile, compress, conflate, ifSlow } = flags;
  return { rooms: [...rooms], except: [...(except ?? [])], flags: { volatile, compress, conflate, ifSlow } };
}

/** Converts options from the wire. */
export function fromWire({ rooms, except, flags }: WireOptions): BroadcastOptions {
  return { rooms: new Set(rooms), except: new Set(except), flags };
}

// ---- encoding ------------------------------------------------------------------------------------------------------

/** Encodes a message, in chunks. Bytes are not copied. @throws what `JSON.stringify` throws */
export function encodeMessage({ kind, nsp, request = 0, head, parts = [] }: OutgoingMessage): Buffer[] {
  const name = Buffer.from(nsp);
  const json = Buffer.from(JSON.stringify(head));
  const start = Buffer.allocUnsafe(ADDRESS_BYTES);
  start[0] = KINDS[kind];
  start.writeUInt32BE(request, 1);
  start.writeUInt16BE(name.length, 5);
  return [start, name, lengthPrefix(json), json, ...encodeParts(parts)];
}

/** Encodes the answer of a node that does not have the namespace. */
export function encodeAbsence({ request, nsp }: MessageAddress): Buffer[] {
  return encodeMessage({ kind: "ABSENT", nsp, request, head: {} });
}

/** Encodes the answer of a node that has failed. */
export function encodeFailure({ request, nsp }: MessageAddress): Buffer[] {
  return encodeMessage({ kind: "FAILED", nsp, request, head: {} });
}

function lengthPrefix(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length, 0);
  return length;
}

// ---- decoding ------------------------------------------------------------------------------------------------------

/** Reads the address of a message; undefined if it is malformed. */
export function addressOf(message: Buffer): MessageAddress | undefined {
  if (message.length < ADDRESS_BYTES) return undefined;
  const kind = NAMES.get(message[0] ?? 0);
  const end = ADDRESS_BYTES + message.readUInt16BE(5);
  if (kind === undefined || message.length < end + 4) return undefined;
  return { kind, request: message.readUInt32BE(1), nsp: message.toString("utf8", ADDRESS_BYTES, end), end };
}

/** Whether the sender waits for an answer. */
export function mustAnswer({ kind }: MessageAddress): boolean {
  return ANSWERED_KINDS.has(kind);
}

/** Whether the message may come over the log. */
export function isCommand({ kind }: MessageAddress): boolean {
  return COMMANDS.has(kind);
}

/** Whether the message answers a request of this node. */
export function isAnswer(message: Message): message is AnswerMessage {
  return mayBeAnswer(message);
}

/** The same, before the message was checked. */
export function mayBeAnswer({ kind }: { readonly kind: MessageKind }): boolean {
  return ANSWERS.has(kind);
}

/** Decodes and checks a message. Returns its fault as a phrase if it is malformed. */
export function decodeMessage({ kind, request, end }: MessageAddress, bytes: Buffer): Message | string {
  const at = end + 4;
  const length = bytes.readUInt32BE(end);
  if (length > bytes.length - at) return "its head is incomplete";
  const head = parseHead(bytes.toString("utf8", at, at + length));
  if (!isHeadObject(head)) return "its head is not an object";
  const parts = decodeParts(bytes, at + length);
  if (parts === undefined) return "its parts are incomplete";
  const checks: Readonly<Record<string, Check>> = HEAD_SCHEMA[kind];
  for (const [field, isValid] of Object.entries(checks)) {
    if (!isValid(Object.hasOwn(head, field) ? head[field] : undefined)) return `its ${field} is invalid (${kind})`;
  }
  // The schema has checked the head.
  return { kind, request, head, parts } as Message;
}

function parseHead(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ---- schema --------------------------------------------------------------------------------------------------------

type Check = (value: unknown) => boolean;

function isHeadObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of rooms. Untyped programs use numbers as well. */
function isStringList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number");
}

const isFlag: Check = (value) => value === undefined || value === null || typeof value === "boolean";
const SLOW_POLICIES: ReadonlySet<unknown> = new Set([undefined, "keep", "drop-newest", "drop-oldest", "disconnect"]);

function isFlags(value: unknown): boolean {
  if (!isHeadObject(value)) return false;
  const { volatile, compress, conflate, ifSlow } = value;
  return isFlag(volatile) && isFlag(compress) && isKey(conflate) && SLOW_POLICIES.has(ifSlow);
}

function isKey(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

/** Whether a value is receivers and flags of the wire. */
export function isWireOptions(value: unknown): value is WireOptions {
  return (
    isHeadObject(value) && isStringList(value["rooms"]) && isStringList(value["except"]) && isFlags(value["flags"])
  );
}

const isCountField: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime: Check = (value) => value === null || (typeof value === "number" && value >= 0);
const isTextField: Check = (value) => typeof value === "string";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isTextField);
const isPositions: Check = (value) => isHeadObject(value) && Object.values(value).every(isCountField);
const isAfter: Check = (value) =>
  value === undefined || (isHeadObject(value) && isTextField(value["epoch"]) && isCountField(value["number"]));
const isId: Check = (value) => value === undefined || isTextField(value);
const isBoolean: Check = (value) => typeof value === "boolean";

/** The checks of each field of the heads. */
const HEAD_SCHEMA: { readonly [Kind in MessageKind]: { readonly [Field in keyof Heads[Kind]]: Check } } = {
  BROADCAST: { opts: isWireOptions, number: (value) => value === undefined || isCountField(value), after: isAfter },
  ASK: { opts: isWireOptions, ms: isTime, once: isId },
  JOIN: { opts: isWireOptions, targets: isStringList, once: isId },
  LEAVE: { opts: isWireOptions, targets: isStringList, once: isId },
  DISCONNECT: { opts: isWireOptions, close: isBoolean, once: isId },
  FETCH: { opts: isWireOptions, after: isAfter },
  EMIT: {},
  QUESTION: {},
  CLIENTS: { clients: isCountField },
  ACK: {},
  SOCKETS: {},
  ANSWER: {},
  ABSENT: {},
  FAILED: {},
  HELLO: {},
  POSITION: { number: isCountField },
  SEEK: { pid: isTextField, offset: isTextField },
  ANSWERED: { pid: isTextField, id: isCountField },
  GIVEN: { sid: isTextField, rooms: isStringList, positions: isPositions, nodes: isTexts },
  TAKE: { pid: isTextField, term: isTextField },
  RECORD: {},
};

import type { Room } from "@portage/server/adapter";
import { type AnswerRecord, decodeValues, encodeValues } from "@portage/server/relay";
import { decodeParts, encodeParts } from "../adapter/parts.ts";
import type { RoomTimesRecord } from "./room-times.ts";
import type { LogPosition } from "../order/log.ts";

/*
 * The record of a session:
 *
 *   u8 version | u32 length of the head | u32 length of the data | head (JSON) | data | answers
 *
 * Data and answers are values, as the parser encodes them. Without answers, nothing is in their place.
 *
 * Records come from other processes and maybe other versions: everything is checked before it is used.
 */

/** A session, as its record describes it. */
export interface SessionRecord {
  readonly sid: string;
  /** Where the events of the session begin, for a client that has received none. */
  readonly start: LogPosition;
  readonly memberships: RoomTimesRecord;
  readonly data: unknown;
  /** The events that its client may repeat, with their answers. They are checked where they are used. */
  readonly answers: AnswerRecord | undefined;
}

/** The same before `data` is decoded. */
type Head = Omit<SessionRecord, "data" | "answers">;

const NO_STATE = Buffer.alloc(0);
const RECORD_VERSION = 1;
const HEAD_BYTES = 9;

/** Encodes `data` or the answers of a socket. @throws what `JSON.stringify` throws */
export function encodeState(state: unknown): Buffer {
  return state === undefined ? NO_STATE : Buffer.concat(encodeParts(encodeValues([state])));
}

/** Returns undefined if it is malformed. */
function decodeState(bytes: Buffer): { readonly state: unknown } | undefined {
  if (bytes.length === 0) return { state: undefined };
  const values = decodeValues(decodeParts(bytes, 0) ?? []);
  return values && { state: values[0] };
}

/** Encodes a record, with data and answers that are encoded. */
export function encodeRecord({ sid, start, memberships }: Head, data: Buffer, answers: Buffer = NO_STATE): Buffer {
  const json = Buffer.from(JSON.stringify({ sid, start, memberships }));
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head[0] = RECORD_VERSION;
  head.writeUInt32BE(json.length, 1);
  head.writeUInt32BE(data.length, 5);
  return Buffer.concat([head, json, data, answers]);
}

/** Decodes and checks a record. Undefined: it is malformed, or of another version. */
export function decodeRecord(bytes: Buffer): SessionRecord | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== RECORD_VERSION) return undefined;
  const headEnd = HEAD_BYTES + bytes.readUInt32BE(1);
  const dataEnd = headEnd + bytes.readUInt32BE(5);
  if (dataEnd > bytes.length) return undefined;
  try {
    const head: unknown = JSON.parse(bytes.toString("utf8", HEAD_BYTES, headEnd));
    const data = decodeState(bytes.subarray(headEnd, dataEnd));
    const answers = decodeState(bytes.subarray(dataEnd));
    if (!isHead(head) || data === undefined || answers === undefined) return undefined;
    const { sid, start, memberships } = head;
    return { sid, start, memberships, data: data.state, answers: answers.state as AnswerRecord | undefined };
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isHead(value: unknown): value is Head {
  return isFields(value) && typeof value["sid"] === "string" && isPosition(value["start"]) && areMemberships(value);
}

function isPosition(value: unknown): value is LogPosition {
  return isFields(value) && typeof value["epoch"] === "string" && isNatural(value["number"]);
}

function areMemberships({ memberships: value }: { readonly memberships?: unknown }): boolean {
  if (!isFields(value) || typeof value["epoch"] !== "string" || !isNatural(value["forgotten"])) return false;
  return areRows(value["rooms"], 2) && areRows(value["past"], 3);
}

/** Whether a value is a list of rooms, each with numbers. */
function areRows(rows: unknown, length: number): rows is [Room, ...number[]][] {
  if (!Array.isArray(rows)) return false;
  return rows.every(
    (row: unknown) =>
      Array.isArray(row) && row.length === length && isRoom(row[0]) && row.slice(1).every((item) => isNatural(item)),
  );
}

/** Untyped programs use numbers as well. */
function isRoom(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

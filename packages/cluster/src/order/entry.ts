/*
 * The bytes of an entry: who has written it, and what it is.
 *
 *   8 bytes writer | sequence, 7 bits in each of 7 bytes | u8 kind | payload
 *
 * Before the payload of an event that was appended again are four more bytes: the epoch of the first attempt. All but the payload
 * is ASCII: the entry of a text is a text as well until it is sent, since clients of Redis send that with less work than bytes.
 *
 * Entries come from other processes, so they are checked.
 */

/** What is encoded: a text, or bytes of any kind. */
export type EntryData = string | Buffer;

/** `event`: the payload is an event. `hole`: events before it may be missing, or may have come in another order. */
export type EntryKind = "event" | "hole";

/** A decoded entry. */
export interface WrittenEntry {
  readonly writer: string;
  /** The number of the entry among the entries of its writer. */
  readonly sequence: number;
  readonly kind: EntryKind;
  readonly payload: Buffer;
  /** The epoch of an attempt to append the event before, whose outcome the writer does not know. */
  readonly tried?: string | undefined;
}

/** An entry that is to be encoded. */
export interface NewEntry extends Pick<WrittenEntry, "writer" | "sequence" | "kind"> {
  readonly payload: EntryData;
}

const WRITER_BYTES = 8;
const SEQUENCE_BYTES = 7;
const KIND_AT = WRITER_BYTES + SEQUENCE_BYTES;
const ENTRY_HEAD_BYTES = KIND_AT + 1;
const TRIED_BYTES = 4;
const ENTRY_KINDS: readonly EntryKind[] = ["event", "hole"];
/** The kind of an event that was appended again. */
const RETRIED = 2;
/** What the lower four bytes of a sequence can hold. */
const LOWER = 2 ** 28;

/** Encodes an entry. `writer`: eight ASCII characters. */
export function encodeEntry({ writer, sequence, kind, payload }: NewEntry): EntryData {
  return prefix(writer + encodeSequence(sequence) + String.fromCharCode(ENTRY_KINDS.indexOf(kind)), payload);
}

function encodeSequence(sequence: number): string {
  const [high, low] = [Math.floor(sequence / LOWER), sequence % LOWER];
  return String.fromCharCode(
    (high >>> 14) & 127,
    (high >>> 7) & 127,
    high & 127,
    low >>> 21,
    (low >>> 14) & 127,
    (low >>> 7) & 127,
    low & 127,
  );
}

function decodeSequence(body: Buffer): number {
  let sequence = 0;
  for (let at = WRITER_BYTES; at < KIND_AT; at++) sequence = sequence * 128 + (body[at] as number);
  return sequence;
}

/** `head`: ASCII. */
function prefix(head: string, rest: EntryData): EntryData {
  return typeof rest === "string" ? head + rest : Buffer.concat([Buffer.from(head, "latin1"), rest]);
}

/** Returns an encoded entry as it is appended again. `epoch`: of the first attempt; later ones do not change it. */
export function encodeRetry(body: EntryData, epoch: string): EntryData {
  const head =
    typeof body === "string" ? body.slice(0, ENTRY_HEAD_BYTES) : body.toString("latin1", 0, ENTRY_HEAD_BYTES);
  if (head.charCodeAt(KIND_AT) !== ENTRY_KINDS.indexOf("event")) return body;
  const retried = head.slice(0, KIND_AT) + String.fromCharCode(RETRIED) + epoch;
  return prefix(retried, typeof body === "string" ? body.slice(ENTRY_HEAD_BYTES) : body.subarray(ENTRY_HEAD_BYTES));
}

/** Decodes an entry; undefined if it is malformed. */
export function decodeEntry(body: Buffer): WrittenEntry | undefined {
  const isRetried = body[KIND_AT] === RETRIED;
  const start = isRetried ? ENTRY_HEAD_BYTES + TRIED_BYTES : ENTRY_HEAD_BYTES;
  const kind = isRetried ? "event" : ENTRY_KINDS[body[KIND_AT] ?? ENTRY_KINDS.length];
  if (kind === undefined || body.length < start) return undefined;
  return {
    writer: body.toString("latin1", 0, WRITER_BYTES),
    sequence: decodeSequence(body),
    kind,
    payload: body.subarray(start),
    tried: isRetried ? body.toString("latin1", ENTRY_HEAD_BYTES, start) : undefined,
  };
}

/** Bytes of what was encoded. */
export const sizeInBytes = (encoded: EntryData): number =>
  typeof encoded === "string" ? Buffer.byteLength(encoded) : encoded.length;

/** Whether an entry of an epoch may have been in the log before, in an epoch that has ended: clients may have got it. */
export function isDoubtful({ tried }: WrittenEntry, epoch: string): boolean {
  return tried !== undefined && tried !== epoch;
}

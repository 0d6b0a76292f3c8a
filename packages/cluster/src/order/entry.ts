/*
 * The bytes of an entry: who has written it, and what it is.
 *
 *   8 bytes writer | u48 sequence | u8 kind | payload
 *
 * Before the payload of an event that was appended again are four more bytes: the epoch of the first attempt.
 *
 * Entries come from other processes, so they are checked.
 */

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

const WRITER_BYTES = 8;
const SEQUENCE_BYTES = 6;
const KIND_AT = WRITER_BYTES + SEQUENCE_BYTES;
const ENTRY_HEAD_BYTES = KIND_AT + 1;
const TRIED_BYTES = 4;
const ENTRY_KINDS: readonly EntryKind[] = ["event", "hole"];
/** The kind of an event that was appended again. */
const RETRIED = 2;

/** Encodes an entry. `writer`: eight ASCII characters. */
export function encodeEntry({ writer, sequence, kind, payload }: WrittenEntry): Buffer {
  const body = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + payload.length);
  body.write(writer, 0, WRITER_BYTES, "latin1");
  body.writeUIntBE(sequence, WRITER_BYTES, SEQUENCE_BYTES);
  body[KIND_AT] = ENTRY_KINDS.indexOf(kind);
  payload.copy(body, ENTRY_HEAD_BYTES);
  return body;
}

/** Returns an encoded entry as it is appended again. `epoch`: of the first attempt; later ones do not change it. */
export function encodeRetry(body: Buffer, epoch: string): Buffer {
  if (body[KIND_AT] !== ENTRY_KINDS.indexOf("event")) return body;
  const tried = Buffer.from(epoch, "latin1");
  const retry = Buffer.concat([body.subarray(0, ENTRY_HEAD_BYTES), tried, body.subarray(ENTRY_HEAD_BYTES)]);
  retry[KIND_AT] = RETRIED;
  return retry;
}

/** Decodes an entry; undefined if it is malformed. */
export function decodeEntry(body: Buffer): WrittenEntry | undefined {
  const isRetried = body[KIND_AT] === RETRIED;
  const start = isRetried ? ENTRY_HEAD_BYTES + TRIED_BYTES : ENTRY_HEAD_BYTES;
  const kind = isRetried ? "event" : ENTRY_KINDS[body[KIND_AT] ?? ENTRY_KINDS.length];
  if (kind === undefined || body.length < start) return undefined;
  return {
    writer: body.toString("latin1", 0, WRITER_BYTES),
    sequence: body.readUIntBE(WRITER_BYTES, SEQUENCE_BYTES),
    kind,
    payload: body.subarray(start),
    tried: isRetried ? body.toString("latin1", ENTRY_HEAD_BYTES, start) : undefined,
  };
}

/** Whether an entry of an epoch may have been in the log before, in an epoch that has ended: clients may have got it. */
export function isDoubtful({ tried }: WrittenEntry, epoch: string): boolean {
  return tried !== undefined && tried !== epoch;
}

/*
 * The bytes of an entry: who has written it, and what it is.
 *
 *   8 bytes writer | u48 sequence | u8 kind | payload
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
}

const WRITER_BYTES = 8;
const SEQUENCE_BYTES = 6;
const ENTRY_HEAD_BYTES = WRITER_BYTES + SEQUENCE_BYTES + 1;
const ENTRY_KINDS: readonly EntryKind[] = ["event", "hole"];

/** Encodes an entry. `writer`: eight ASCII characters. */
export function encodeEntry({ writer, sequence, kind, payload }: WrittenEntry): Buffer {
  const body = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + payload.length);
  body.write(writer, 0, WRITER_BYTES, "latin1");
  body.writeUIntBE(sequence, WRITER_BYTES, SEQUENCE_BYTES);
  body[ENTRY_HEAD_BYTES - 1] = ENTRY_KINDS.indexOf(kind);
  payload.copy(body, ENTRY_HEAD_BYTES);
  return body;
}

/** Decodes an entry; undefined if it is malformed. */
export function decodeEntry(body: Buffer): WrittenEntry | undefined {
  const kind =
    body.length < ENTRY_HEAD_BYTES ? undefined : ENTRY_KINDS[body[ENTRY_HEAD_BYTES - 1] ?? ENTRY_KINDS.length];
  if (kind === undefined) return undefined;
  return {
    writer: body.toString("latin1", 0, WRITER_BYTES),
    sequence: body.readUIntBE(WRITER_BYTES, SEQUENCE_BYTES),
    kind,
    payload: body.subarray(ENTRY_HEAD_BYTES),
  };
}

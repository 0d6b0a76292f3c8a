import { PacketSendOptions, PreparedMessage, SharedFrame, type EventMark } from "./prepared-message.ts";
import { EnginePacket } from "@portage/parser/engine";

/** Stands for the id of the stream in a shared event. Each stream writes its own, of the same length. */
export const OWN_ID = "#".repeat(20);

const ID_FIELD = `id: ${OWN_ID}`;
const BEFORE_ID = "id: ".length;
const CRLF = Buffer.from("\r\n");
const NO_IDS: readonly number[] = [];
const ONE_ID: readonly number[] = [BEFORE_ID];

/** Most bytes of events that are joined into one write. */
const LONGEST_JOIN = 16_384;

/** An event of `text/event-stream`, encoded once, when the first stream sends it; or several of them, one after the other. */
export class SharedEvent extends SharedFrame {
  readonly #text: string;
  /** The events of which this one is joined. */
  readonly #parts: readonly SharedEvent[];
  #bytes: Buffer | undefined;
  #chunk: Buffer | undefined;
  #idsAt: readonly number[] | undefined;
  #idsInChunk: readonly number[] | undefined;
  /** What was last joined of this event and those after it, for the next stream with the same batch. */
  #joined: SharedEvent | undefined;

  /** @param text its lines, each with a line feed; empty if it has parts */
  constructor(text: string, parts: readonly SharedEvent[] = []) {
    super(text, 4);
    this.#text = text;
    this.#parts = parts;
  }

  /** Returns the events of a batch as one. Undefined: they are too long to be copied. */
  static join(batch: readonly SharedEvent[]): SharedEvent | undefined {
    const [first] = batch;
    if (first === undefined) return undefined;
    if (first.#joined?.consistsOf(batch) === true) return first.#joined;
    let length = 0;
    for (const { bytes } of batch) if ((length += bytes.length) > LONGEST_JOIN) return undefined;
    return (first.#joined = new SharedEvent("", batch));
  }

  /** Whether it is these events, joined. */
  consistsOf(batch: readonly SharedEvent[]): boolean {
    const parts = this.#parts;
    if (parts.length !== batch.length) return false;
    for (let at = 0; at < parts.length; at += 1) if (parts[at] !== batch[at]) return false;
    return true;
  }

  /** Where streams have to write their own id into {@link bytes}. */
  get #ids(): readonly number[] {
    return (this.#idsAt ??=
      this.#parts.length > 0 ? this.#idsOfParts() : this.#text.startsWith(ID_FIELD) ? ONE_ID : NO_IDS);
  }

  #idsOfParts(): readonly number[] {
    let start = 0;
    const ids: number[] = [];
    for (const part of this.#parts) {
      for (const at of part.#ids) ids.push(start + at);
      start += part.bytes.length;
    }
    return ids;
  }

  /** Whether a stream has to write its own id into it. */
  get hasOwnId(): boolean {
    return this.#ids.length > 0;
  }

  /** Returns the bytes for a stream whose id has another length, or that has none. */
  bytesFor(id: string | undefined): Buffer {
    if (this.#parts.length > 0) return Buffer.concat(this.#parts.map((part) => part.bytesFor(id)));
    if (!this.hasOwnId) return this.bytes;
    const rest = this.#text.slice(ID_FIELD.length);
    return Buffer.from(id === undefined ? `${rest.slice(rest.indexOf("\n") + 1)}\n` : `id: ${id}${rest}\n`);
  }

  /** The event with the blank line at its end. */
  get bytes(): Buffer {
    return (this.#bytes ??=
      this.#parts.length > 0 ? Buffer.concat(this.#parts.map(({ bytes }) => bytes)) : Buffer.from(`${this.#text}\n`));
  }

  /** The same as a chunk of HTTP/1.1 (RFC 9112, section 7.1). */
  get chunk(): Buffer {
    return (this.#chunk ??= chunkOf(this.bytes));
  }

  /** Where a stream's own ids go in {@link bytes} or {@link chunk}. */
  idsIn(data: Buffer): readonly number[] {
    if (data === this.#bytes) return this.#ids;
    // What precedes the bytes in a chunk is all but the last line break.
    return (this.#idsInChunk ??= this.#ids.map((at) => at + data.length - this.bytes.length - CRLF.length));
  }
}

/** Returns bytes as a chunk of HTTP/1.1. */
export function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]);
}

/** An event for any number of streams of `text/event-stream`. */
export class EventMessage extends PreparedMessage {
  readonly #packets: readonly EnginePacket[];

  /** @param text its lines, each with a line feed; an id that begins with {@link OWN_ID} is completed by each stream */
  constructor(text: string, mark?: EventMark) {
    super([text], false, mark);
    this.#packets = [new EnginePacket("message", text, new PacketSendOptions(false, new SharedEvent(text), mark))];
  }

  override packets(): readonly EnginePacket[] {
    return this.#packets;
  }
}

import { PacketSendOptions, PreparedMessage, SharedFrame, type EventMark } from "./prepared-message.ts";
import { EnginePacket } from "@portage/parser/engine";

/** Stands for the id of the stream in a shared event. Each stream writes its own, of the same length. */
export const OWN_ID = "#".repeat(20);

const ID_FIELD = `id: ${OWN_ID}`;
const BEFORE_ID = "id: ".length;
const CRLF = Buffer.from("\r\n");

/** An event of `text/event-stream`, encoded once, when the first stream sends it. */
export class SharedEvent extends SharedFrame {
  readonly #text: string;
  #bytes: Buffer | undefined;
  #chunk: Buffer | undefined;

  /** @param text its lines, each with a line feed */
  constructor(text: string) {
    super(text, 4);
    this.#text = text;
  }

  /** Whether a stream has to write its own id into it, `BEFORE_ID` bytes after the first one. */
  get hasOwnId(): boolean {
    return this.#text.startsWith(ID_FIELD);
  }

  /** Returns the bytes for a stream whose id has another length, or that has none. */
  bytesFor(id: string | undefined): Buffer {
    const rest = this.#text.slice(ID_FIELD.length);
    return Buffer.from(id === undefined ? `${rest.slice(rest.indexOf("\n") + 1)}\n` : `id: ${id}${rest}\n`);
  }

  /** The event with the blank line at its end. */
  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(`${this.#text}\n`));
  }

  /** The same as a chunk of HTTP/1.1 (RFC 9112, section 7.1). */
  get chunk(): Buffer {
    return (this.#chunk ??= chunkOf(this.bytes));
  }

  /** Where a stream's own id goes in {@link bytes} or {@link chunk}. */
  idAt(data: Buffer): number {
    // What precedes the bytes in a chunk is all but the last line break.
    return data === this.#bytes ? BEFORE_ID : BEFORE_ID + data.length - this.bytes.length - CRLF.length;
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

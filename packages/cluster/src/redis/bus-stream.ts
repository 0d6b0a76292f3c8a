import { StreamSocket } from "../links/stream-socket.ts";
import type { BusMessage, BusType } from "./bus-message.ts";

/** Most bytes of one message. */
const MAX_CHUNK = 65_536;
/** Most bytes under way: sent, and not read by the other node. */
const BUS_WINDOW = 1_048_576;
/** Bytes that were read are reported in steps of this many. */
const ACK_STEP = BUS_WINDOW / 4;

const EMPTY_CHUNK = Buffer.alloc(0);

/** What a stream needs of its carrier. */
export interface BusStreamHost {
  /** Sends a message. Rejects if nothing received it. */
  send(stream: BusStream, type: BusType, number: number, bytes: Buffer): Promise<void>;
  onClosed(stream: BusStream): void;
}

type BusCallback = (error?: Error | null) => void;

/** The error of a stream whose messages were lost, or whose other end has gone; with Node's code. */
export class BusStreamError extends Error {
  readonly code = "ECONNRESET";
}

const ignoreBusError = (): void => undefined;

/**
 * A connection to another node whose bytes go through Redis.
 *
 * Publishing is not reliable: a message may be missing, and the stream ends then, as a connection that breaks. Messages of one
 * direction have numbers, so that it is noticed.
 */
export class BusStream extends StreamSocket {
  readonly tag: string;
  readonly id: string;
  readonly #host: BusStreamHost;
  #sent = 0;
  #received = 0;
  /** Bytes under way. */
  #unread = 0;
  /** Bytes that were received and are not reported as read. */
  #unreported = 0;
  /** The write that waits for the other node to read. */
  #blocked: BusCallback | undefined = undefined;

  constructor(tag: string, id: string, host: BusStreamHost) {
    super({ autoDestroy: true });
    this.tag = tag;
    this.id = id;
    this.#host = host;
    this.on("error", ignoreBusError);
  }

  /** Begins the stream at the other node. */
  open(): void {
    this.#send("OPEN", EMPTY_CHUNK);
  }

  /** Takes a message. */
  receive({ type, number, bytes }: BusMessage): void {
    if (type === "RESET") return void this.destroy(new BusStreamError("the other node has reset the stream"));
    if (type === "ACK") return this.#onAck(bytes);
    if (number !== this.#received) return void this.destroy(new BusStreamError("messages were lost"));
    this.#received = (this.#received + 1) >>> 0;
    if (type === "END") this.push(null);
    else if (type === "DATA") this.#onData(bytes);
  }

  #onData(bytes: Buffer): void {
    this.#unreported += bytes.length;
    // The other node ignores the window.
    if (this.#unreported > 2 * BUS_WINDOW) return void this.destroy(new BusStreamError("it sent too much"));
    if (this.push(bytes)) this.#report();
  }

  #onAck(bytes: Buffer): void {
    if (bytes.length !== 4) return void this.destroy(new BusStreamError("a message is malformed"));
    this.#unread = Math.max(0, this.#unread - bytes.readUInt32BE());
    if (this.#unread > BUS_WINDOW) return;
    const written = this.#blocked;
    this.#blocked = undefined;
    written?.();
  }

  /** Reports what was read. */
  #report(): void {
    if (this.#unreported < ACK_STEP) return;
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.#unreported);
    this.#unreported = 0;
    this.#host.send(this, "ACK", 0, bytes).catch((error: Error) => this.destroy(error));
  }

  #send(type: BusType, bytes: Buffer): void {
    const number = this.#sent;
    this.#sent = (number + 1) >>> 0;
    this.#host.send(this, type, number, bytes).catch((error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#report();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: BusCallback): void {
    this.#publish(chunk, written);
  }

  override _writev(writes: readonly { readonly chunk: unknown }[], written: BusCallback): void {
    this.#publish(Buffer.concat(writes.map(({ chunk }) => chunk as Buffer)), written);
  }

  #publish(bytes: Buffer, written: BusCallback): void {
    for (let at = 0; at < bytes.length; at += MAX_CHUNK) this.#send("DATA", bytes.subarray(at, at + MAX_CHUNK));
    this.#unread += bytes.length;
    if (this.#unread > BUS_WINDOW) this.#blocked = written;
    else written();
  }

  override _final(done: BusCallback): void {
    this.#send("END", EMPTY_CHUNK);
    done();
  }

  override _destroy(error: Error | null, done: BusCallback): void {
    if (!this.readableEnded || !this.writableFinished)
      this.#host.send(this, "RESET", 0, EMPTY_CHUNK).catch(ignoreBusError);
    const written = this.#blocked;
    this.#blocked = undefined;
    this.#host.onClosed(this);
    written?.(error ?? new BusStreamError("the stream has closed"));
    done(error);
  }
}

import { once } from "node:events";
import type { Duplex } from "node:stream";
import { closeBody, frame, OPCODE, type FrameSpec, type ReadFrame } from "../support/raw/frames.ts";
import { turn, within } from "../support/waiting.ts";
import type { RawDeflater } from "./raw-deflate.ts";
import { MaskedFrameReader } from "./reader.ts";

/** The subject did something that the case does not allow. */
export class Unexpected extends Error {}

/** A separate result for behaviour that the specification allows but does not prefer. */
export class NotStrict extends Error {}

const show = (read: ReadFrame | undefined): string =>
  read === undefined
    ? "the end of the stream"
    : `a frame with opcode ${read.opcode}, fin ${read.fin}, reserved ${read.reserved}, ${read.payload.length} bytes`;

/** The test's end of a connection after its opening handshake. Writes and reads frames by hand. */
export class Wire {
  readonly #socket: Duplex;
  readonly #sendsMasked: boolean;
  readonly #reader = new MaskedFrameReader();
  readonly #frames: ReadFrame[] = [];
  #ended: "open" | "ended" = "open";
  #wake: () => void = () => undefined;
  /** Compresses messages if negotiated. */
  readonly deflater: RawDeflater | undefined;

  constructor(socket: Duplex, role: "server" | "client", head: Buffer, deflater?: RawDeflater) {
    this.#socket = socket;
    this.#sendsMasked = role === "client";
    this.deflater = deflater;
    this.#take(head);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.resume();
    for (const event of ["end", "error", "close"]) {
      socket.on(event, () => {
        this.#ended = "ended";
        this.#wake();
      });
    }
  }

  #take(chunk: Buffer): void {
    if (chunk.length === 0) return;
    for (const read of this.#reader.push(chunk)) this.#frames.push(read);
    this.#wake();
  }

  /** Writes frames in one piece. */
  send(...specs: readonly FrameSpec[]): void {
    this.sendAll(specs);
  }

  sendAll(specs: readonly FrameSpec[]): void {
    this.write(this.bytes(specs));
  }

  /** Writes frames in pieces of this size, each in its own packet if the system allows. */
  async sendChopped(size: number, ...specs: FrameSpec[]): Promise<void> {
    const bytes = this.bytes(specs);
    for (let at = 0; at < bytes.length; at += size) {
      this.write(bytes.subarray(at, at + size));
      if (at % (size * 16) === 0) await turn();
    }
  }

  bytes(specs: readonly FrameSpec[]): Buffer {
    return Buffer.concat(specs.map((spec) => frame({ masked: this.#sendsMasked, ...spec })));
  }

  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Returns the next frame; undefined at the end of the stream. */
  async next(): Promise<ReadFrame | undefined> {
    while (this.#frames.length === 0 && this.#ended === "open") {
      await within(new Promise<void>((resolve) => (this.#wake = resolve)), "a frame of the subject");
    }
    const read = this.#frames.shift();
    if (read !== undefined && read.masked === this.#sendsMasked)
      throw new Unexpected("a frame is masked the wrong way");
    return read;
  }

  /** Expects this message next, with its fragments joined and decompressed. */
  async expectMessage(opcode: number, payload: Buffer | string): Promise<void> {
    const parts: ReadFrame[] = [];
    do {
      const read = await this.next();
      const isData = read !== undefined && read.opcode === (parts.length === 0 ? opcode : OPCODE.continuation);
      if (!isData) throw new Unexpected(`${show(read)} instead of a message with opcode ${opcode}`);
      if (read.reserved !== 0 && (read.reserved !== 4 || parts.length > 0 || !this.deflater)) {
        throw new Unexpected(`reserved bits ${read.reserved}`);
      }
      parts.push(read);
    } while (!parts.at(-1)!.fin);
    const joined = Buffer.concat(parts.map((part) => part.payload));
    const content = parts[0]!.reserved === 4 ? await this.deflater!.inflate(joined) : joined;
    if (!content.equals(Buffer.from(payload)))
      throw new Unexpected(`a message with other content (${content.length} bytes)`);
  }

  async expectPong(payload: Buffer | string = ""): Promise<void> {
    const read = await this.next();
    if (read?.opcode !== OPCODE.pong) throw new Unexpected(`${show(read)} instead of a pong`);
    if (!read.payload.equals(Buffer.from(payload))) throw new Unexpected("a pong with another payload");
  }

  /**
   * Expects a close frame with one of `codes` (undefined: without a code),
   * then the end of the stream.
   */
  async expectClose(...codes: (number | undefined)[]): Promise<void> {
    const read = await this.next();
    if (read?.opcode !== OPCODE.close) throw new Unexpected(`${show(read)} instead of a close frame`);
    const code = read.payload.length === 0 ? undefined : read.payload.readUInt16BE(0);
    if (!codes.includes(code)) throw new Unexpected(`close code ${code} instead of ${codes.join(" or ")}`);
    await this.expectEnd();
  }

  /** Expects nothing more. A server must end the stream first (RFC 6455, 7.1.1). */
  async expectEnd(): Promise<void> {
    if (!this.#sendsMasked) this.#socket.end();
    const read = await this.next();
    if (read !== undefined) throw new Unexpected(`${show(read)} behind the close frame`);
  }

  /** Closes from this side and expects the same code in response. */
  async close(): Promise<void> {
    this.send({ opcode: OPCODE.close, payload: closeBody(1000) });
    await this.expectClose(1000);
  }

  async destroy(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }
}

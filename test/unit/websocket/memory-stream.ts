import { Duplex } from "node:stream";

/** One end of a stream in memory. Records each written chunk in `written`. */
export class MemoryStream extends Duplex {
  readonly written: Buffer[] = [];
  /** Write calls that reached the stream's owner; a corked batch is one call. */
  writes = 0;
  /** While set, nothing written is accepted: the peer does not read. */
  #held: (() => void) | undefined = undefined;
  #isHolding = false;

  constructor(highWaterMark = 16 * 1024) {
    super({ highWaterMark, allowHalfOpen: true });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#take([chunk], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  /** The peer stops reading. */
  hold(): void {
    this.#isHolding = true;
  }

  /** The peer reads again. */
  release(): void {
    this.#isHolding = false;
    this.step();
  }

  /** The peer reads everything written up to now, and no more. */
  step(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  /** Returns everything written, joined, and clears it. */
  taken(): Buffer {
    return Buffer.concat(this.written.splice(0));
  }

  #take(chunks: Buffer[], callback: (error?: Error | null) => void): void {
    const take = (): void => {
      this.writes++;
      this.written.push(...chunks);
      callback();
    };
    if (this.#isHolding) this.#held = take;
    else take();
  }
}

import { Duplex } from "node:stream";

/** One of two streams in memory; each reads the bytes written to the other. */
class PairedStream extends Duplex {
  peer: PairedStream | undefined = undefined;
  /** Called when the other side has room again. */
  #resume: ((error?: Error) => void) | undefined = undefined;

  override _read(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** The other side is gone: the pending write will never be read. */
  abandon(): void {
    this.#resume?.(new Error("the stream was destroyed"));
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error) => void): void {
    // The reader may change its bytes: unmasking does so in place.
    if (this.peer!.push(Buffer.from(chunk))) process.nextTick(callback);
    else this.peer!.#resume = callback;
  }

  override _final(callback: () => void): void {
    this.peer!.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { peer } = this;
    process.nextTick(() => peer?.destroy());
    peer?.abandon();
    callback(error);
  }
}

/** Two streams joined in memory. */
export function duplexPair(): [Duplex, Duplex] {
  const [left, right] = [new PairedStream(), new PairedStream()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}

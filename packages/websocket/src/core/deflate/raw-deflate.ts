import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import type { DeflateRaw, InflateRaw, ZlibOptions } from "node:zlib";

/** What compresses: the options of zlib that matter to a message. */
export interface CodecSettings {
  readonly kind: "deflate" | "inflate";
  readonly windowBits: number;
  readonly level?: number | undefined;
  readonly memLevel?: number | undefined;
  readonly strategy?: number | undefined;
}

/** Why a message could not be coded: more than the limit came out, or the input is no deflate data. */
export type CodecFailure = "too big" | "bad data";

function optionsOf({ windowBits, level, memLevel, strategy }: CodecSettings): ZlibOptions {
  return {
    windowBits,
    ...(level === undefined ? {} : { level }),
    ...(memLevel === undefined ? {} : { memLevel }),
    ...(strategy === undefined ? {} : { strategy }),
  };
}

/** Codes one message that refers to no other, at once, up to a sync flush; at most `limit` bytes may come out. */
export function codeNow(settings: CodecSettings, input: Buffer, limit: number): Buffer | CodecFailure {
  const options: ZlibOptions = optionsOf(settings);
  options.finishFlush = constants.Z_SYNC_FLUSH;
  if (settings.kind === "deflate") return deflateRawSync(input, options);
  if (limit !== Infinity) options.maxOutputLength = Math.max(1, limit);
  try {
    return inflateRawSync(input, options);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "too big" : "bad data";
  }
}

/** One zlib context, which may remember the messages before. It codes one message at a time, on zlib's threads. */
export class RawCodec {
  readonly #stream: DeflateRaw | InflateRaw;
  /** `failed`: of no more use, also when the input has said that it ends here (BFINAL). */
  #state: "ready" | "failed" | "closed" = "ready";
  /** The call under way. */
  #job: CodecJob | undefined = undefined;

  constructor(settings: CodecSettings) {
    const options = optionsOf(settings);
    // One trip to the threads for a message: write followed by flush takes two.
    options.flush = constants.Z_SYNC_FLUSH;
    this.#stream = settings.kind === "deflate" ? createDeflateRaw(options) : createInflateRaw(options);
  }

  /** Whether it can be used again, after a `reset` if the next message must not refer to this one. */
  get isReusable(): boolean {
    return this.#state === "ready";
  }

  /** Codes `input` up to a sync flush; at most `limit` bytes may come out. `onDone` is called later, once. */
  code(input: Buffer, limit: number, onDone: (result: Buffer | CodecFailure) => void): void {
    const stream = this.#stream;
    if (stream.listenerCount("data") === 0) this.#listen();
    this.#job = new CodecJob(limit, onDone);
    stream.write(input, (error) => (error ? this.#abandon("bad data") : this.#finish(undefined)));
  }

  /** Forgets the messages before. */
  reset(): void {
    this.#stream.reset();
    this.#state = "ready";
  }

  /** Gives the memory back. A call under way fails at once; its thread ends when it ends. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#stream.close();
    this.#finish("bad data");
  }

  #listen(): void {
    this.#stream.on("data", (chunk: Buffer) => {
      if (this.#job?.add(chunk) === false) this.#abandon("too big");
    });
    this.#stream.on("error", () => this.#abandon("bad data"));
    // Neither written nor flushed any more: the stream has found its last block.
    this.#stream.on("end", () => this.#abandon(undefined));
  }

  /** The stream can't be used again. */
  #abandon(failure: CodecFailure | undefined): void {
    if (this.#state !== "closed") this.#state = "failed";
    this.#finish(failure);
  }

  #finish(failure: CodecFailure | undefined): void {
    const job = this.#job;
    if (job === undefined) return;
    this.#job = undefined;
    job.onDone(failure ?? job.output());
  }
}

/** What has come out of one asynchronous call. */
class CodecJob {
  readonly onDone: (result: Buffer | CodecFailure) => void;
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(limit: number, onDone: (result: Buffer | CodecFailure) => void) {
    this.#limit = limit;
    this.onDone = onDone;
  }

  /** False: too much. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > this.#limit) return false;
    this.#parts.push(chunk);
    return true;
  }

  output(): Buffer {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#size);
  }
}

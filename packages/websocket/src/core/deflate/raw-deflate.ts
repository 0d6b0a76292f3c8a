import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import type { DeflateRaw, InflateRaw, ZlibOptions } from "node:zlib";

/** Settings of a codec: the zlib options that affect a message. */
export interface CodecSettings {
  readonly kind: "deflate" | "inflate";
  readonly windowBits: number;
  readonly level?: number | undefined;
  readonly memLevel?: number | undefined;
  readonly strategy?: number | undefined;
}

/** Why coding failed: the output exceeds the limit, or the input is not deflate data. */
export type CodecFailure = "too big" | "bad data";

function optionsOf({ windowBits, level, memLevel, strategy }: CodecSettings): ZlibOptions {
  return {
    windowBits,
    ...(level === undefined ? {} : { level }),
    ...(memLevel === undefined ? {} : { memLevel }),
    ...(strategy === undefined ? {} : { strategy }),
  };
}

/**
 * Codes one independent message synchronously, up to a sync flush. `limit`
 * bounds the output, in bytes.
 */
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

/**
 * One zlib context, which may remember earlier messages. Codes one message at a
 * time, on zlib's threads.
 */
export class RawCodec {
  readonly #stream: DeflateRaw | InflateRaw;
  /** `failed`: unusable, after an error or after input that ended the stream (BFINAL). */
  #state: "ready" | "failed" | "closed" = "ready";
  /** The call in progress. */
  #job: CodecJob | undefined = undefined;

  constructor(settings: CodecSettings) {
    const options = optionsOf(settings);
    // One round trip to the threads per message; write and flush would take two.
    options.flush = constants.Z_SYNC_FLUSH;
    this.#stream = settings.kind === "deflate" ? createDeflateRaw(options) : createInflateRaw(options);
  }

  /** Whether the codec can be used again. An independent message needs a `reset` before. */
  get isReusable(): boolean {
    return this.#state === "ready";
  }

  /**
   * Codes `input` up to a sync flush. `limit` bounds the output, in bytes. Calls
   * `onDone` once, asynchronously.
   */
  code(input: Buffer, limit: number, onDone: (result: Buffer | CodecFailure) => void): void {
    const stream = this.#stream;
    if (stream.listenerCount("data") === 0) this.#listen();
    this.#job = new CodecJob(limit, onDone);
    stream.write(input, (error) => (error ? this.#abandon("bad data") : this.#finish(undefined)));
  }

  /** Forgets earlier messages. */
  reset(): void {
    this.#stream.reset();
    this.#state = "ready";
  }

  /** Frees the memory. A call in progress fails at once; its thread still finishes. */
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
    // Neither write nor flush calls back now: the stream has read its last block.
    this.#stream.on("end", () => this.#abandon(undefined));
  }

  /** Marks the stream unusable. */
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

/** Collects the output of one asynchronous call. */
class CodecJob {
  readonly onDone: (result: Buffer | CodecFailure) => void;
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(limit: number, onDone: (result: Buffer | CodecFailure) => void) {
    this.#limit = limit;
    this.onDone = onDone;
  }

  /** Adds output. Returns false beyond the limit. */
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

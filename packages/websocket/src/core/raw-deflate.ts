import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import type { DeflateRaw, InflateRaw } from "node:zlib";

/**
 * The synchronous call that Node's own `deflateRawSync` makes; not in Node's typings. The public function makes a zlib
 * context for every call, which costs ten times what a small message does, and can't keep one between messages.
 */
interface NativeHandle {
  writeSync(flush: number, from: Buffer, at: number, count: number, to: Buffer, toAt: number, room: number): void;
  onerror: (message: string, errno: number, code: string) => void;
}
type ZlibStream = (DeflateRaw | InflateRaw) & {
  readonly _handle?: NativeHandle | null;
  /** Room left in the output and input left, after each call. */
  readonly _writeState?: Uint32Array;
};

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

const SCRATCH_SIZE = 64 * 1024;
/** Everything is made here and copied out, in one tick: one buffer serves the process. */
let scratch: Buffer | undefined;

let usable: boolean | undefined;

/** Whether this Node has what compression needs here. If not, compression is never negotiated. */
export function isZlibUsable(): boolean {
  return (usable ??= probe());
}

function probe(): boolean {
  const stream = createDeflateRaw() as ZlibStream;
  const { _handle: handle, _writeState: counts } = stream;
  const isUsable = typeof handle?.writeSync === "function" && counts instanceof Uint32Array;
  stream.close();
  return isUsable;
}

/** One zlib context. It codes one message at a time, at once with `codeNow` or on zlib's threads with `code`. */
export class RawCodec {
  readonly #stream: ZlibStream;
  readonly #handle: NativeHandle;
  readonly #counts: Uint32Array;
  /** `ended`: the input said that it ends here (BFINAL), so that nothing is coded any more without a reset · `failed`: for good. */
  #state: "ready" | "ended" | "failed" | "closed" = "ready";
  /** The call under way on zlib's threads. */
  #job: CodecJob | undefined = undefined;

  constructor(settings: CodecSettings) {
    const { kind, windowBits, level, memLevel, strategy } = settings;
    const options = {
      windowBits,
      ...(level === undefined ? {} : { level }),
      ...(memLevel === undefined ? {} : { memLevel }),
      ...(strategy === undefined ? {} : { strategy }),
    };
    const stream: ZlibStream = kind === "deflate" ? createDeflateRaw(options) : createInflateRaw(options);
    const { _handle: handle, _writeState: counts } = stream;
    this.#stream = stream;
    this.#handle = handle!;
    this.#counts = counts!;
    this.#handle.onerror = (): void => {
      this.#state = "failed";
      this.#finish("bad data");
    };
  }

  /** Whether it can be used again, after a `reset` if the next message must not refer to this one. */
  get isReusable(): boolean {
    return this.#state === "ready" || this.#state === "ended";
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Codes `input` up to a sync flush; at most `limit` bytes may come out. */
  // hot path
  codeNow(input: Buffer, limit: number): Buffer | CodecFailure {
    const out = (scratch ??= Buffer.allocUnsafeSlow(SCRATCH_SIZE));
    const counts = this.#counts;
    let parts: Buffer[] | undefined;
    let total = 0;
    let left = input.length;
    for (;;) {
      this.#handle.writeSync(constants.Z_SYNC_FLUSH, input, input.length - left, left, out, 0, SCRATCH_SIZE);
      if (this.#state === "failed") return "bad data";
      const made = SCRATCH_SIZE - counts[0]!;
      total += made;
      if (total > limit) return "too big";
      left = counts[1]!;
      if (counts[0] !== 0) {
        // Room is left, and so is input: the stream has ended before it.
        if (left > 0) this.#state = "ended";
        const last = Buffer.from(out.subarray(0, made));
        return parts === undefined ? last : Buffer.concat([...parts, last], total);
      }
      (parts ??= []).push(Buffer.from(out));
    }
  }

  /** Like `codeNow`, on zlib's threads. `onDone` is called later, once. */
  code(input: Buffer, limit: number, onDone: (result: Buffer | CodecFailure) => void): void {
    const stream = this.#stream;
    if (stream.listenerCount("data") === 0) this.#listen();
    this.#job = new CodecJob(limit, onDone);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => this.#finish(undefined));
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

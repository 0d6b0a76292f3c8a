/*
 * Compression of messages (RFC 7692): negotiation, and zlib's streams.
 * Knows: parameters of the extension, zlib, its threads.
 * Must not know: frames. It takes and returns the bytes of messages.
 */
import type { DeflateOptions, DeflateParams } from "./deflate-params.ts";
import type { Role } from "../limits.ts";
import { codeNow, RawCodec } from "./raw-deflate.ts";
import type { CodecFailure, CodecSettings } from "./raw-deflate.ts";
import { soon } from "../soon.ts";
import { runOnThreads, releaseThread } from "./threads.ts";

/** The negotiated permessage-deflate of a `WebSocketConnection`. */
export interface DeflateSettings {
  readonly params: DeflateParams;
  readonly options: DeflateOptions;
}

/**
 * Smallest message coded on zlib's threads, in bytes: for smaller ones the round trip costs more
 * than the work. With context takeover every message uses the threads: Node has no synchronous
 * call that retains a context.
 */
const THREADS_FROM = 16 * 1024;
const DEFLATE_DEFAULTS = { threshold: 1024, concurrencyLimit: 10, maxInflateRatio: Infinity } as const;
/**
 * The end of a sync flush. The sender strips it (RFC 7692, 7.2.1), and the receiver appends it
 * before decompression (RFC 7692, 7.2.2).
 */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty message (RFC 7692, 7.2.3.6): zlib outputs nothing for it right after a flush. */
const EMPTY_MESSAGE = Buffer.from([0x00]);
/** Most idle codecs per settings, shared by all connections. */
const MAX_IDLE = 4;

const idle = new Map<string, RawCodec[]>();

/**
 * Supplies the codec for each message of one direction. With context takeover it is the
 * connection's own, which remembers earlier messages. Without, all connections share codecs, so an
 * idle connection has none.
 */
class CodecSource {
  readonly settings: CodecSettings;
  readonly #key: string;
  readonly #keepsContext: boolean;
  #own: RawCodec | undefined = undefined;

  constructor(settings: CodecSettings, keepsContext: boolean) {
    const { kind, windowBits, level, memLevel, strategy } = settings;
    this.settings = settings;
    this.#key = [kind, windowBits, level, memLevel, strategy].join();
    this.#keepsContext = keepsContext;
  }

  get keepsContext(): boolean {
    return this.#keepsContext;
  }

  /** Whether a message of this size is coded synchronously. */
  codesNow(size: number): boolean {
    return !this.#keepsContext && size < THREADS_FROM;
  }

  take(): RawCodec {
    if (this.#keepsContext) return (this.#own ??= new RawCodec(this.settings));
    return idle.get(this.#key)?.pop() ?? new RawCodec(this.settings);
  }

  /** Releases the codec of a finished message for the next one. */
  release(codec: RawCodec): void {
    if (!codec.isReusable) {
      codec.close();
      this.#own = undefined;
    } else if (!this.#keepsContext) this.#keepForAll(codec);
  }

  close(): void {
    this.#own?.close();
    this.#own = undefined;
  }

  #keepForAll(codec: RawCodec): void {
    let kept = idle.get(this.#key);
    if (kept === undefined) idle.set(this.#key, (kept = []));
    if (kept.length === MAX_IDLE) return codec.close();
    codec.reset();
    kept.push(codec);
  }
}

/** A message queued for the codec of its connection. */
interface QueuedMessage {
  readonly data: Buffer;
  readonly onDone: (compressed: Buffer) => void;
}

/** Compresses the messages of one connection. */
export class MessageDeflater {
  /** Messages shorter than this many bytes need no compression. */
  readonly threshold: number;
  readonly #source: CodecSource;
  readonly #concurrency: number;
  /** Messages not started yet. With context takeover each depends on the one before it. */
  readonly #queue: QueuedMessage[] = [];
  /** `finishing`: closes once no message is in progress. */
  #state: "open" | "finishing" | "closed" = "open";
  #running = 0;

  constructor({ params, options }: DeflateSettings, role: Role) {
    const isServer = role === "server";
    const { level, memLevel, strategy } = options.zlibDeflateOptions ?? {};
    const windowBits = isServer ? params.serverMaxWindowBits : params.clientMaxWindowBits;
    const noTakeover = isServer ? params.serverNoContextTakeover : params.clientNoContextTakeover;
    this.threshold = options.threshold ?? DEFLATE_DEFAULTS.threshold;
    this.#concurrency = options.concurrencyLimit ?? DEFLATE_DEFAULTS.concurrencyLimit;
    // For a window of 8 bits Node has zlib use 9. zlib's deflate then reaches back at
    // most 250 bytes, which fits.
    this.#source = new CodecSource({ kind: "deflate", windowBits, level, memLevel, strategy }, !noTakeover);
  }

  /**
   * Compresses a message. Returns the result, or undefined if `onDone` delivers it later. Results
   * come in order only with context takeover.
   */
  deflate(data: Buffer, onDone: (compressed: Buffer) => void): Buffer | undefined {
    if (data.length === 0) return EMPTY_MESSAGE;
    const isBusy = this.#source.keepsContext && this.#running > 0;
    if (isBusy) {
      this.#queue.push({ data, onDone });
      return undefined;
    }
    if (this.#source.codesNow(data.length)) return this.#now(data);
    this.#later({ data, onDone });
    return undefined;
  }

  /** Closes as soon as the messages in progress are done. No more will come. */
  finish(): void {
    if (this.#state === "open") this.#state = "finishing";
    if (this.#running === 0) this.close();
  }

  /** Drops the messages in progress. */
  close(): void {
    this.#state = "closed";
    this.#queue.length = 0;
    this.#source.close();
  }

  #now(data: Buffer): Buffer {
    return withoutTail(codeNow(this.#source.settings, data, Infinity) as Buffer);
  }

  #later(message: QueuedMessage): void {
    this.#running++;
    runOnThreads(this.#concurrency, () => {
      if (this.#state === "closed") return releaseThreadSoon();
      const codec = this.#source.take();
      codec.code(message.data, Infinity, (result) => {
        releaseThread();
        this.#running--;
        if (this.#state === "closed") return codec.close();
        this.#source.release(codec);
        // Starts queued messages before `onDone`: a message sent from inside it comes later on the
        // wire, so it must come later in the context too.
        this.#next();
        if (result instanceof Buffer) message.onDone(withoutTail(result));
      });
    });
  }

  /** Starts the next queued message. */
  #next(): void {
    while (this.#running === 0) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      this.#later(message);
    }
    if (this.#state === "finishing" && this.#running === 0) this.close();
  }
}

export type InflateFailure =
  "WS_ERR_INVALID_DEFLATE_DATA" | "WS_ERR_INFLATE_RATIO" | "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/**
 * Decompresses the messages of one connection, one at a time (RFC 7692, 6.2), whatever their
 * blocks (RFC 7692, 7.2.3).
 */
export class MessageInflater {
  readonly #source: CodecSource;
  readonly #concurrency: number;
  readonly #maxPayload: number;
  readonly #maxRatio: number;
  #state: "open" | "closed" = "open";

  constructor({ params, options }: DeflateSettings, role: Role, maxPayload: number) {
    const isServer = role === "server";
    const windowBits = isServer ? params.clientMaxWindowBits : params.serverMaxWindowBits;
    const noTakeover = isServer ? params.clientNoContextTakeover : params.serverNoContextTakeover;
    this.#source = new CodecSource({ kind: "inflate", windowBits }, !noTakeover);
    this.#concurrency = options.concurrencyLimit ?? DEFLATE_DEFAULTS.concurrencyLimit;
    this.#maxPayload = maxPayload;
    this.#maxRatio = options.maxInflateRatio ?? DEFLATE_DEFAULTS.maxInflateRatio;
  }

  /**
   * Decompresses a message. Returns the result or the failure, or undefined if
   * `onDone` delivers it later.
   */
  inflate(data: Buffer, onDone: (result: Buffer | InflateFailure) => void): Buffer | InflateFailure | undefined {
    const input = Buffer.concat([data, TAIL]);
    const limit = Math.min(this.#maxPayload, Math.ceil(data.length * this.#maxRatio));
    if (this.#source.codesNow(data.length)) {
      return this.#resultOf(codeNow(this.#source.settings, input, limit), limit);
    }
    runOnThreads(this.#concurrency, () => {
      if (this.#state === "closed") return releaseThreadSoon();
      const codec = this.#source.take();
      codec.code(input, limit, (result) => {
        releaseThread();
        if (this.#state === "closed") return codec.close();
        this.#source.release(codec);
        onDone(this.#resultOf(result, limit));
      });
    });
    return undefined;
  }

  close(): void {
    this.#state = "closed";
    this.#source.close();
  }

  #resultOf(result: Buffer | CodecFailure, limit: number): Buffer | InflateFailure {
    if (result === "bad data") return "WS_ERR_INVALID_DEFLATE_DATA";
    if (result !== "too big") return result;
    return limit < this.#maxPayload ? "WS_ERR_INFLATE_RATIO" : "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  }
}

/**
 * Releases an unused thread, in a later tick: thousands of connections that close together
 * would otherwise recurse.
 */
function releaseThreadSoon(): void {
  soon(releaseThread, undefined);
}

function withoutTail(flushed: Buffer): Buffer {
  return flushed.subarray(0, flushed.length - TAIL.length);
}

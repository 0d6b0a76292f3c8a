/*
 * Compression of messages (RFC 7692): what is offered and agreed on, and the streams of zlib behind it.
 * Knows: parameters of the extension, zlib, its threads.
 * Must not know: frames: it gets and gives the bytes of messages.
 */
import type { DeflateOptions, DeflateParams } from "./deflate-params.ts";
import type { Role } from "../limits.ts";
import { codeNow, RawCodec } from "./raw-deflate.ts";
import type { CodecFailure, CodecSettings } from "./raw-deflate.ts";
import { soon } from "../soon.ts";
import { onThreads, threadsDone } from "./threads.ts";

/** permessage-deflate as it was negotiated, for a `WebSocketConnection`. */
export interface DeflateSettings {
  readonly params: DeflateParams;
  readonly options: DeflateOptions;
}

/**
 * From this many bytes of input a message is coded on zlib's threads: below, the way there and back costs more than the
 * work. With context takeover every message is: zlib has no public call that keeps a context and does not use them.
 */
const THREADS_FROM = 16 * 1024;
const DEFAULTS = { threshold: 1024, concurrencyLimit: 10, maxInflateRatio: Infinity } as const;
/** The end of a sync flush, which is not sent (RFC 7692, 7.2.1), and is put back before a message is decompressed (RFC 7692, 7.2.2). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty message (RFC 7692, 7.2.3.6): zlib says nothing at all for it when it has just been flushed. */
const EMPTY_MESSAGE = Buffer.from([0x00]);
/** Codecs of the same settings that are kept for the next message of any connection. */
const MAX_IDLE = 4;

const idle = new Map<string, RawCodec[]>();

/**
 * Where one direction of a connection gets the codec for a message: with context takeover its own, which remembers the
 * messages before, else one that all connections share, so that an idle connection holds none.
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

  /** Whether a message of this size is coded at once. */
  codesNow(size: number): boolean {
    return !this.#keepsContext && size < THREADS_FROM;
  }

  take(): RawCodec {
    if (this.#keepsContext) return (this.#own ??= new RawCodec(this.settings));
    return idle.get(this.#key)?.pop() ?? new RawCodec(this.settings);
  }

  /** A message is done: its codec may serve the next one. */
  giveBack(codec: RawCodec): void {
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

/** A message that waits for its turn on the codec of its connection. */
interface Waiting {
  readonly data: Buffer;
  readonly onDone: (compressed: Buffer) => void;
}

/** Compresses the messages of one connection. */
export class MessageDeflater {
  /** Bytes below which a message need not be compressed. */
  readonly threshold: number;
  readonly #source: CodecSource;
  readonly #concurrency: number;
  /** Messages on the way, the one at work included. With context takeover each needs the one before it. */
  readonly #waiting: Waiting[] = [];
  /** `finishing`: closes when nothing is on the way any more. */
  #state: "open" | "finishing" | "closed" = "open";
  #running = 0;

  constructor({ params, options }: DeflateSettings, role: Role) {
    const isServer = role === "server";
    const { level, memLevel, strategy } = options.zlibDeflateOptions ?? {};
    const windowBits = isServer ? params.serverMaxWindowBits : params.clientMaxWindowBits;
    const noTakeover = isServer ? params.serverNoContextTakeover : params.clientNoContextTakeover;
    this.threshold = options.threshold ?? DEFAULTS.threshold;
    this.#concurrency = options.concurrencyLimit ?? DEFAULTS.concurrencyLimit;
    // For a window of 8 bits Node lets zlib work with 9, of which zlib's deflate reaches back 250 bytes at most: it fits.
    this.#source = new CodecSource({ kind: "deflate", windowBits, level, memLevel, strategy }, !noTakeover);
  }

  /** The compressed message; undefined when it comes later, by `onDone`. Results come in order only with context takeover. */
  deflate(data: Buffer, onDone: (compressed: Buffer) => void): Buffer | undefined {
    if (data.length === 0) return EMPTY_MESSAGE;
    const mustWait = this.#source.keepsContext && this.#running > 0;
    if (mustWait) {
      this.#waiting.push({ data, onDone });
      return undefined;
    }
    if (this.#source.codesNow(data.length)) return this.#now(data);
    this.#later({ data, onDone });
    return undefined;
  }

  /** Nothing new comes: closes as soon as what is on the way is done. */
  finish(): void {
    if (this.#state === "open") this.#state = "finishing";
    if (this.#running === 0) this.close();
  }

  /** Forgets what is on the way. */
  close(): void {
    this.#state = "closed";
    this.#waiting.length = 0;
    this.#source.close();
  }

  #now(data: Buffer): Buffer {
    return withoutTail(codeNow(this.#source.settings, data, Infinity) as Buffer);
  }

  #later(message: Waiting): void {
    this.#running++;
    onThreads(this.#concurrency, () => {
      if (this.#state === "closed") return passTurn();
      const codec = this.#source.take();
      codec.code(message.data, Infinity, (result) => {
        threadsDone();
        this.#running--;
        if (this.#state === "closed") return codec.close();
        this.#source.giveBack(codec);
        // Those that wait come first: what is sent from inside `onDone` is behind them on the wire, so in the context too.
        this.#next();
        if (result instanceof Buffer) message.onDone(withoutTail(result));
      });
    });
  }

  /** Goes on with what had to wait. */
  #next(): void {
    while (this.#running === 0) {
      const message = this.#waiting.shift();
      if (message === undefined) break;
      this.#later(message);
    }
    if (this.#state === "finishing" && this.#running === 0) this.close();
  }
}

export type InflateFailure =
  "WS_ERR_INVALID_DEFLATE_DATA" | "WS_ERR_INFLATE_RATIO" | "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/** Decompresses the messages of one connection, one at a time (RFC 7692, 6.2), whatever their blocks (RFC 7692, 7.2.3). */
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
    this.#concurrency = options.concurrencyLimit ?? DEFAULTS.concurrencyLimit;
    this.#maxPayload = maxPayload;
    this.#maxRatio = options.maxInflateRatio ?? DEFAULTS.maxInflateRatio;
  }

  /** The message that `data` holds, or why there is none; undefined when that comes later, by `onDone`. */
  inflate(data: Buffer, onDone: (result: Buffer | InflateFailure) => void): Buffer | InflateFailure | undefined {
    const input = Buffer.concat([data, TAIL]);
    const limit = Math.min(this.#maxPayload, Math.ceil(data.length * this.#maxRatio));
    if (this.#source.codesNow(data.length)) {
      return this.#explained(codeNow(this.#source.settings, input, limit), limit);
    }
    onThreads(this.#concurrency, () => {
      if (this.#state === "closed") return passTurn();
      const codec = this.#source.take();
      codec.code(input, limit, (result) => {
        threadsDone();
        if (this.#state === "closed") return codec.close();
        this.#source.giveBack(codec);
        onDone(this.#explained(result, limit));
      });
    });
    return undefined;
  }

  close(): void {
    this.#state = "closed";
    this.#source.close();
  }

  #explained(result: Buffer | CodecFailure, limit: number): Buffer | InflateFailure {
    if (result === "bad data") return "WS_ERR_INVALID_DEFLATE_DATA";
    if (result !== "too big") return result;
    return limit < this.#maxPayload ? "WS_ERR_INFLATE_RATIO" : "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  }
}

/** Gives up a turn that is not needed; not at once, as thousands that close together would call each other in one stack. */
function passTurn(): void {
  soon(threadsDone, undefined);
}

function withoutTail(flushed: Buffer): Buffer {
  return flushed.subarray(0, flushed.length - TAIL.length);
}

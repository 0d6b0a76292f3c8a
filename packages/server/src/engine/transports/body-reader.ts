import type { IncomingMessage } from "node:http";
import { Beat } from "../heartbeat.ts";
import type { Upload, UploadFailure, Uploads } from "./uploads.ts";

export interface BodyHandler {
  onBody(body: Buffer): void;
  onTooLarge(): void;
  onAborted(): void;
  onGivenUp(why: UploadFailure): void;
}

/** Where the shared listeners find the reader of their request: no POST needs closures. */
const READER = Symbol("BodyReader");
type ReadRequest = IncomingMessage & { [READER]?: BodyReader };

const NOTHING: Buffer = Buffer.alloc(0);

/** Reads one request body up to a limit and tells, exactly once, how it ended. */
export class BodyReader implements Upload {
  readonly beat: Beat = new Beat(this);
  readonly #req: IncomingMessage;
  readonly #limit: number;
  readonly #uploads: Uploads;
  #handler: BodyHandler | undefined;
  /** The first piece as it came; from the second on a buffer with room for more, so that tiny pieces cost their bytes. */
  #body = NOTHING;
  #length = 0;

  constructor(req: IncomingMessage, limits: { maxHttpBufferSize: number; uploads: Uploads }, handler: BodyHandler) {
    this.#req = req;
    this.#limit = limits.maxHttpBufferSize;
    this.#uploads = limits.uploads;
    this.#handler = handler;
  }

  get held(): number {
    return this.#body.length;
  }

  start(): void {
    const req: ReadRequest = this.#req;
    if (Number(req.headers["content-length"]) > this.#limit) return this.#end()?.onTooLarge();
    this.#uploads.onProgress(this, 0);
    req[READER] = this;
    req.on("data", onData);
    req.on("end", onEnd);
    req.on("close", onClose);
  }

  /** Stops reading; nothing is told any more. Without effect on a body that has been read. */
  abort(): void {
    if (this.#end()) this.#req.destroy();
  }

  onBeat(): void {
    this.giveUp("POST_LATE");
  }

  giveUp(why: UploadFailure): void {
    this.#end()?.onGivenUp(why);
  }

  /** @internal */
  receive(chunk: Buffer): void {
    if (!this.#handler) return;
    const length = this.#length + chunk.length;
    if (length > this.#limit) return this.#end()?.onTooLarge();
    const { held } = this;
    if (this.#length === 0) {
      this.#body = chunk;
    } else {
      if (length > held) this.#grow(length);
      chunk.copy(this.#body, this.#length);
    }
    this.#length = length;
    this.#uploads.onProgress(this, this.held - held);
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#limit, 2 * length));
    this.#body.copy(larger, 0, 0, this.#length);
    this.#body = larger;
  }

  /** @internal */
  finish(): void {
    const body = this.#length === this.#body.length ? this.#body : this.#body.subarray(0, this.#length);
    this.#end()?.onBody(body);
  }

  /** @internal The connection is gone, or the whole exchange is over. */
  requestClosed(): void {
    this.#end()?.onAborted();
  }

  #end(): BodyHandler | undefined {
    const handler = this.#handler;
    if (!handler) return undefined;
    this.#handler = undefined;
    this.#uploads.onEnd(this);
    this.#body = NOTHING;
    return handler;
  }
}

function onData(this: ReadRequest, chunk: Buffer): void {
  this[READER]?.receive(chunk);
}

function onEnd(this: ReadRequest): void {
  this[READER]?.finish();
}

function onClose(this: ReadRequest): void {
  this[READER]?.requestClosed();
}

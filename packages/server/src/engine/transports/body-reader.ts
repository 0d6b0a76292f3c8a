import type { IncomingMessage } from "node:http";

export interface BodyHandler {
  onBody(body: Buffer): void;
  onTooLarge(): void;
  onAborted(): void;
}

/** Where the shared listeners find the reader of their request: no POST needs closures. */
const READER = Symbol("BodyReader");
type ReadRequest = IncomingMessage & { [READER]?: BodyReader };

/** Reads one request body up to a limit and tells, exactly once, how it ended. */
export class BodyReader {
  readonly #req: IncomingMessage;
  readonly #limit: number;
  #handler: BodyHandler | undefined;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(req: IncomingMessage, limit: number, handler: BodyHandler) {
    this.#req = req;
    this.#limit = limit;
    this.#handler = handler;
  }

  start(): void {
    const req: ReadRequest = this.#req;
    if (Number(req.headers["content-length"]) > this.#limit) return this.#end()?.onTooLarge();
    req[READER] = this;
    req.on("data", onData);
    req.on("end", onEnd);
    req.on("close", onClose);
  }

  /** Stops reading; nothing is told any more. Without effect on a body that has been read. */
  abort(): void {
    if (this.#end()) this.#req.destroy();
  }

  /** @internal */
  receive(chunk: Buffer): void {
    if (!this.#handler) return;
    this.#length += chunk.length;
    if (this.#length > this.#limit) this.#end()?.onTooLarge();
    else this.#chunks.push(chunk);
  }

  /** @internal */
  finish(): void {
    const chunks = this.#chunks;
    this.#end()?.onBody(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, this.#length));
  }

  /** @internal The connection is gone, or the whole exchange is over. */
  requestClosed(): void {
    this.#end()?.onAborted();
  }

  #end(): BodyHandler | undefined {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#chunks = [];
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

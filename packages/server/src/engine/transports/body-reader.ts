import type { IncomingMessage } from "node:http";

export interface BodyHandler {
  onBody(body: Buffer): void;
  onTooLarge(): void;
  onAborted(): void;
}

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
    const req = this.#req;
    if (Number(req.headers["content-length"]) > this.#limit) return this.#end()?.onTooLarge();
    req.on("data", (chunk: Buffer) => this.#onChunk(chunk));
    req.once("end", () => this.#onEnd());
    req.once("close", () => this.#end()?.onAborted());
  }

  /** Stops reading; nothing is told any more. Without effect on a body that has been read. */
  abort(): void {
    if (this.#end()) this.#req.destroy();
  }

  #onChunk(chunk: Buffer): void {
    if (!this.#handler) return;
    this.#length += chunk.length;
    if (this.#length > this.#limit) this.#end()?.onTooLarge();
    else this.#chunks.push(chunk);
  }

  #onEnd(): void {
    const chunks = this.#chunks;
    this.#end()?.onBody(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, this.#length));
  }

  #end(): BodyHandler | undefined {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#chunks = [];
    return handler;
  }
}

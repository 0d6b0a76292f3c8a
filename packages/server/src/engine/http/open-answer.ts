import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { runNextTick } from "../../base/turn.ts";
import { backlogOf, isGone } from "./http2.ts";

/**
 * How the body of an answer is written. `chunk` and `bytes` go to the connection itself, which saves a third of the time of a
 * small write; `response` is the way of HTTP/2, and of responses that a middleware has wrapped (compression, say).
 */
export type AnswerForm = "chunk" | "bytes" | "response";

// oxlint-disable-next-line typescript/unbound-method -- compared, not called
const { write: WRITE, end: END } = ServerResponse.prototype;

/** The answer to a request, which goes on until it ends. */
export class OpenAnswer {
  readonly #res: ServerResponse;
  readonly form: AnswerForm;

  /** @param res with its head written */
  constructor(res: ServerResponse) {
    this.#res = res;
    // A pipelined request waits for the answers before it, and has no connection until then.
    const isPlain = res.write === WRITE && res.end === END && res.socket !== null && res.req.httpVersionMajor === 1;
    if (isPlain) this.#beginTogether();
    res.flushHeaders();
    if (!isPlain) this.form = "response";
    else this.form = res.chunkedEncoding ? "chunk" : "bytes";
  }

  /**
   * Joins the head and what follows in this tick into one write. A Firefox gives up for good on another origin's stream that
   * breaks after its head and before its body.
   */
  #beginTogether(): void {
    const { socket } = this.#res;
    socket?.cork();
    runNextTick(() => socket?.uncork(), undefined);
  }

  /** Bytes that have not left the process yet. */
  get bufferedBytes(): number {
    return this.#res.writableLength;
  }

  /** The connection, or the response that stands for it. */
  get #output(): Socket | ServerResponse {
    return this.form === "response" ? this.#res : (this.#res.socket ?? this.#res);
  }

  /** Joins what follows into one write, up to {@link flush}. */
  cork(): void {
    this.#output.cork();
  }

  flush(): void {
    this.#output.uncork();
  }

  /** Writes bytes in the form of the answer. */
  write(data: Buffer): void {
    if (!isGone(this.#res)) this.#output.write(data);
  }

  get #backlog(): Duplex | ServerResponse {
    return this.form === "response" ? backlogOf(this.#res) : this.#output;
  }

  /** Whether the client has to read first. */
  get isFull(): boolean {
    return this.#backlog.writableNeedDrain;
  }

  /** Calls back once, when the client has read what was written. */
  whenDrained(done: () => void): void {
    this.#backlog.once("drain", done);
  }

  end(): void {
    this.#res.end();
  }
}

import type { IncomingMessage } from "node:http";
import type { BudgetHolder } from "@portage/websocket";
import { Beat, type Beating } from "../timing-wheel.ts";
import { destroyRequest, mayBeReset, wasReset } from "../http/http2.ts";
import type { TransportContext } from "./context.ts";
import { kBeat, kOnBeat } from "../keys.ts";

/** Why a body is given up before it is complete: codes of the session's end. */
export type UploadFailure = "POST_LATE" | "RECEIVE_BUDGET";

export interface BodyHandler {
  onBody(body: Buffer): void;
  /** @param actual the length that was announced, or what has come so far, in bytes */
  onTooLarge(actual: number): void;
  onAborted(): void;
  onGivenUp(why: UploadFailure): void;
}

type ReadLimits = Pick<TransportContext, "maxHttpBufferSize" | "postTimeout" | "receiving" | "heartbeat" | "clock">;

/** Where the shared listeners find the reader of their request: no POST needs closures. */
const READER = Symbol("BodyReader");
type ReadRequest = IncomingMessage & { [READER]?: BodyReader };

/** How long an empty body waits for the reset that may follow its end, in milliseconds. */
const RESET_GRACE = 250;

const EMPTY_BODY: Buffer = Buffer.alloc(0);

/** Reads one request body up to a limit and tells, exactly once, how it ended. */
export class BodyReader implements BudgetHolder, Beating {
  readonly [kBeat]: Beat = new Beat(this);
  readonly #req: IncomingMessage;
  readonly #limits: ReadLimits;
  #handler: BodyHandler | undefined;
  /** The first piece as it came; from the second on a buffer with room for more, so that tiny pieces cost their bytes. */
  #body = EMPTY_BODY;
  #length = 0;

  constructor(req: IncomingMessage, limits: ReadLimits, handler: BodyHandler) {
    this.#req = req;
    this.#limits = limits;
    this.#handler = handler;
  }

  start(): void {
    const req: ReadRequest = this.#req;
    const announced = Number(req.headers["content-length"]);
    if (announced > this.#limits.maxHttpBufferSize) return this.#end()?.onTooLarge(announced);
    this.#recordProgress();
    req[READER] = this;
    req.on("data", onBodyData);
    req.on("end", onBodyEnd);
    req.on("close", onBodyClose);
  }

  /** Stops reading; nothing is told any more. Without effect on a body that has been read. */
  abort(): void {
    if (this.#end()) destroyRequest(this.#req);
  }

  [kOnBeat](): void {
    this.#end()?.onGivenUp("POST_LATE");
  }

  onEvicted(): void {
    this.#end()?.onGivenUp("RECEIVE_BUDGET");
  }

  #recordProgress(): void {
    const { receiving, heartbeat, postTimeout } = this.#limits;
    heartbeat.schedule(this[kBeat], postTimeout);
    receiving.update(this, this.#body.length);
  }

  /** @internal */
  receive(chunk: Buffer): void {
    if (!this.#handler) return;
    const length = this.#length + chunk.length;
    if (length > this.#limits.maxHttpBufferSize) return this.#end()?.onTooLarge(length);
    if (this.#length === 0) {
      this.#body = chunk;
    } else {
      if (length > this.#body.length) this.#grow(length);
      chunk.copy(this.#body, this.#length);
    }
    this.#length = length;
    this.#recordProgress();
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#limits.maxHttpBufferSize, 2 * length));
    this.#body.copy(larger, 0, 0, this.#length);
    this.#body = larger;
  }

  /** @internal */
  finish(): void {
    if (wasReset(this.#req)) return this.requestClosed();
    if (this.#length === 0 && mayBeReset(this.#req)) this.#limits.clock.after(RESET_GRACE, () => this.#deliver());
    else this.#deliver();
  }

  #deliver(): void {
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
    this.#limits.heartbeat.cancel(this[kBeat]);
    this.#limits.receiving.remove(this);
    this.#body = EMPTY_BODY;
    return handler;
  }
}

function onBodyData(this: ReadRequest, chunk: Buffer): void {
  this[READER]?.receive(chunk);
}

function onBodyEnd(this: ReadRequest): void {
  this[READER]?.finish();
}

function onBodyClose(this: ReadRequest): void {
  this[READER]?.requestClosed();
}

import type { IncomingMessage } from "node:http";
import type { BudgetHolder } from "@portage/websocket";
import { Beat, type Beating } from "../timing-wheel.ts";
import { wasForgotten } from "../http/forgotten.ts";
import { destroyRequest, mayBeReset, wasReset } from "../http/http2.ts";
import type { TransportContext } from "./context.ts";
import { kBeat, kOnBeat } from "../keys.ts";

/** Why an incomplete body is abandoned; close codes of the session. */
export type UploadFailure = "POST_LATE" | "RECEIVE_BUDGET";

export interface BodyHandler {
  onBody(body: Buffer): void;
  /** @param actual the announced length, or the length received so far, in bytes */
  onTooLarge(actual: number): void;
  onAborted(): void;
  /** The process that had received the request is gone, and the client may be there. */
  onForgotten(): void;
  onGivenUp(why: UploadFailure): void;
}

type ReadLimits = Pick<TransportContext, "maxHttpBufferSize" | "postTimeout" | "receiving" | "heartbeat" | "clock">;

/** Leads the shared listeners from a request to its reader, without closures per POST. */
const READER = Symbol("BodyReader");
type ReadRequest = IncomingMessage & { [READER]?: BodyReader };

/** Milliseconds before an empty body counts as complete: a reset may follow its end. */
const RESET_GRACE = 250;

const EMPTY_BODY: Buffer = Buffer.alloc(0);

/** Reads one request body up to a limit, and reports its end exactly once. */
export class BodyReader implements BudgetHolder, Beating {
  readonly [kBeat]: Beat = new Beat(this);
  readonly #req: IncomingMessage;
  readonly #limits: ReadLimits;
  #handler: BodyHandler | undefined;
  /** The first chunk itself; from the second chunk on, a growing buffer, so that tiny chunks cost only their bytes. */
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

  /** Stops reading without a report. Has no effect on a complete body. */
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

  /** @internal Reports an aborted body, if the request closes before the body is complete. */
  requestClosed(): void {
    if (wasForgotten(this.#req)) this.#end()?.onForgotten();
    else this.#end()?.onAborted();
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

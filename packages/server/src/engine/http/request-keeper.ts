import type { IncomingMessage } from "node:http";
import { Emitter } from "../../base/emitter.ts";
import { kParkRequest, kPeekRequest } from "../keys.ts";
import { ParkedRequest } from "./parked-request.ts";
import type { TransportRequest } from "./request.ts";

// A symbol, not `#private`, so that proxies and `Object.create()` work.
const kRequest = Symbol("request");

/** The part of a session that keeps the request which opened it, parked while the program has no use for it. */
export abstract class RequestKeeper extends Emitter {
  private [kRequest]: TransportRequest | ParkedRequest;

  constructor(request: TransportRequest) {
    super();
    this[kRequest] = request;
  }

  /** The request that opened the session. A program that has no use for it may set it to null, to save memory. */
  get request(): IncomingMessage {
    return (this[kRequest] = this[kPeekRequest]());
  }

  set request(request: IncomingMessage) {
    this[kRequest] = request as TransportRequest;
  }

  /** The same {@link request}, for a look only: a parked one stays parked. */
  [kPeekRequest](): TransportRequest {
    return this[kRequest] instanceof ParkedRequest ? this[kRequest].restore() : this[kRequest];
  }

  /** Parks the request. The program must not have seen it. */
  [kParkRequest](): void {
    if (this[kRequest] instanceof ParkedRequest || this[kRequest] === null) return;
    this[kRequest] = ParkedRequest.of(this[kRequest]) ?? this[kRequest];
  }
}

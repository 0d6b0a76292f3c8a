import type { IncomingMessage } from "node:http";
import { Emitter } from "../../base/emitter.ts";
import { kParkRequest, kPeekRequest } from "../keys.ts";
import { ParkedRequest } from "./parked-request.ts";
import type { TransportRequest } from "./request.ts";

// A symbol, not `#private`, so that proxies and `Object.create()` work.
const kRequest = Symbol("request");

/** The part of a session that stores its handshake request, parked until the program reads it. */
export abstract class RequestKeeper extends Emitter {
  private [kRequest]: TransportRequest | ParkedRequest;

  constructor(request: TransportRequest) {
    super();
    this[kRequest] = request;
  }

  /** The handshake request. Set it to null to save memory if you do not need it. */
  get request(): IncomingMessage {
    return (this[kRequest] = this[kPeekRequest]());
  }

  set request(request: IncomingMessage) {
    this[kRequest] = request as TransportRequest;
  }

  /** Returns {@link request}; a parked request stays parked. */
  [kPeekRequest](): TransportRequest {
    return this[kRequest] instanceof ParkedRequest ? this[kRequest].restore() : this[kRequest];
  }

  /** Parks the request. Call it only if the program has not seen it. */
  [kParkRequest](): void {
    if (this[kRequest] instanceof ParkedRequest || this[kRequest] === null) return;
    this[kRequest] = ParkedRequest.of(this[kRequest]) ?? this[kRequest];
  }
}

import type { Emitter } from "../../base/emitter.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import type { CarryQuery } from "../carry/carry.ts";
import type { kOfferUpgrade, kTakeBack } from "../keys.ts";
import type { Refusal } from "../report/refusals.ts";
import type { Transport } from "../transports/transport.ts";
import type { AllowRequest } from "./admission.ts";
import type { GateOptions } from "./gate.ts";

/** The part of a session that receives its requests. */
export interface JoinedSession {
  readonly transport: { onRequest(exchange: HttpExchange): void };
  [kOfferUpgrade](candidate: Transport): void;
  [kTakeBack](transport: Transport, query: CarryQuery): void;
}

/**
 * A request to the engine, until it has a transport or a response. Either an HTTP request (http-opening.ts) or a WebSocket
 * handshake (websocket-opening.ts).
 */
export interface RequestOpening {
  readonly req: TransportRequest;
  /** Whether the client is gone or has its response. The request is then dropped. */
  isGone(): boolean;
  /** Creates the transport of a new session. Returns undefined if the client is gone or was refused. */
  accept(): Transport | undefined;
  /** Starts incoming traffic, after the session has opened. */
  begin(transport: Transport): void;
  /** Passes the request to the session with its id. */
  join(session: JoinedSession): void;
  /** Answers with the refusal, and reports it. */
  refuse(refusal: Refusal): void;
}

/** The options of the engine that receive requests. */
interface RequestHooks extends Pick<GateOptions, "userOf"> {
  readonly allowRequest?: AllowRequest;
}

/** Whether the program has not seen the request of a handshake: its options and listeners do not receive it. */
export function isRequestUnseen(engine: Emitter, { allowRequest, userOf }: RequestHooks): boolean {
  return (
    allowRequest === undefined &&
    userOf === undefined &&
    engine.listenerCount("headers") === 0 &&
    engine.listenerCount("initial_headers") === 0
  );
}

import type { Emitter } from "../../base/emitter.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import type { kOfferUpgrade } from "../keys.ts";
import type { Refusal } from "../report/refusals.ts";
import type { Transport } from "../transports/transport.ts";
import type { AllowRequest } from "./admission.ts";
import type { GateOptions } from "./gate.ts";

/** A session that a request is for. */
export interface JoinedSession {
  readonly transport: { onRequest(exchange: HttpExchange): void };
  [kOfferUpgrade](candidate: Transport): void;
}

/**
 * A request at a door of the engine, until it has got a transport or an answer. There are two doors: HTTP requests
 * (http-opening.ts), and WebSockets (websocket-opening.ts).
 */
export interface SessionOpening {
  readonly req: TransportRequest;
  /** Whether its client has gone, or has an answer already: then nothing more becomes of it. */
  isGone(): boolean;
  /** Makes the transport of a new session. Undefined when the client has gone, or was refused after all. */
  accept(): Transport | undefined;
  /** The session stands: incoming traffic may begin. */
  begin(transport: Transport): void;
  /** Hands the request to the session that it names. */
  join(session: JoinedSession): void;
  /** Answers that there is not going to be a session, and reports it. */
  refuse(refusal: Refusal): void;
}

/** The options of the engine, as far as they are shown requests. */
interface RequestHooks extends Pick<GateOptions, "userOf"> {
  readonly allowRequest?: AllowRequest;
}

/** Whether neither options nor listeners of the program have seen the request of a handshake. */
export function isRequestUnseen(engine: Emitter, { allowRequest, userOf }: RequestHooks): boolean {
  return (
    allowRequest === undefined &&
    userOf === undefined &&
    engine.listenerCount("headers") === 0 &&
    engine.listenerCount("initial_headers") === 0
  );
}

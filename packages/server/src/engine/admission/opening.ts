import type { OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { Emitter } from "../../base/emitter.ts";
import type { Refusal } from "../report/refusals.ts";
import type { AllowRequest } from "./admission.ts";
import type { GateOptions } from "./gate.ts";
import type { Transport } from "../transports/transport.ts";
import type { TransportRequest } from "../http/request.ts";

/** A handshake that has been let in: how its session gets a transport. */
export interface Opening {
  /** Undefined when the peer went away while an id was being made, or has been refused after all. */
  createTransport(): Transport | undefined;
  /** The session stands: incoming traffic may begin. */
  begin(transport: Transport): void;
  onRefused(refusal: Refusal): void;
}

/** The options of the engine, as far as they are shown requests. */
interface Seeing extends Pick<GateOptions, "userOf"> {
  readonly allowRequest?: AllowRequest;
}

/** Whether neither options nor listeners of the program have seen the request of a handshake. */
export function isRequestUnseen(engine: Emitter, { allowRequest, userOf }: Seeing): boolean {
  return (
    allowRequest === undefined &&
    userOf === undefined &&
    engine.listenerCount("headers") === 0 &&
    engine.listenerCount("initial_headers") === 0
  );
}

/** A WebSocket handshake that waits for its answer. */
export interface PendingUpgrade {
  readonly req: TransportRequest;
  readonly stream: Duplex;
  readonly head: Buffer;
  /** Headers for the answer. */
  headers: OutgoingHttpHeaders;
}

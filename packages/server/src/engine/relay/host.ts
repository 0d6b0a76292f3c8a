import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { WebSocketOpening, type WebSocketDoor } from "../admission/websocket-opening.ts";
import type { StreamHandshake } from "../admission/stream-handshake.ts";
import type { TransportRequest } from "../http/request.ts";
import { kAnswerEmpty, kAnswerPollOf, kEngineClock, kGate, kHasPoll, kRefuseRelayed, kTakeHandshake } from "../keys.ts";
import { type Refusal, REFUSALS } from "../report/refusals.ts";
import { moveClient, type MovableSession } from "./move.ts";
import type { RelayHost, RelayRefusal } from "./relay.ts";

/** The part of the engine that a relay reaches through its host. */
export interface RelayDoor extends WebSocketDoor {
  readonly clients: Readonly<Record<string, MovableSession>>;
  readonly clientsCount: number;
  readonly [kEngineClock]: Clock;
  readonly [kGate]: { readonly retryAfter: number };
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void;
  [kAnswerEmpty](req: TransportRequest, res: ServerResponse): void;
  [kAnswerPollOf](sid: string): void;
  [kHasPoll](sid: string): boolean;
  [kTakeHandshake](req: TransportRequest, handshake: StreamHandshake): void;
  [kRefuseRelayed](req: TransportRequest, res: ServerResponse, refusal: RelayRefusal): void;
}

/** Returns what a relay may do with an engine. */
export function relayHost(engine: RelayDoor): RelayHost {
  return {
    clock: engine[kEngineClock],
    has: (sid) => engine.clients[sid] !== undefined,
    hasPoll: (sid) => engine[kHasPoll](sid),
    count: () => engine.clientsCount,
    handleRequest: (req, res) => engine.handleRequest(req, res),
    handleUpgrade: (req, stream, head) => engine.handleUpgrade(req, stream, head),
    releaseStream: (sid, stream) => moveClient(engine.clients[sid], stream, engine[kGate].retryAfter),
    handleHandshake: (req, handshake) => engine[kTakeHandshake](req, handshake),
    answerEmpty: (req, res) => engine[kAnswerEmpty](req, res),
    answerPoll: (sid) => engine[kAnswerPollOf](sid),
    refuse: (req, res, refusal) => engine[kRefuseRelayed](req, res, refusal),
    refuseHandshake: (req, handshake, refusal) =>
      new WebSocketOpening(engine, req, handshake).refuse(refusalFrom(refusal, req)),
  };
}

/** Completes the refusal of a relay. */
export function refusalFrom({ name, context, message, retryAfter }: RelayRefusal, req: TransportRequest): Refusal {
  const { sid } = req._query;
  return { code: REFUSALS[name].code, context: { sid, ...context, name, ...(message && { message }) }, retryAfter };
}

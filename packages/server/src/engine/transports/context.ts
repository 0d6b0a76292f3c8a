import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ReceiveBudget } from "@portage/websocket";
import type { Clock } from "../../base/clock.ts";
import type { HttpCompression } from "../http/compression.ts";
import type { Refusal } from "../report/refusals.ts";
import type { TimingWheel } from "../timing-wheel.ts";
import type { Transport } from "./transport.ts";
import type { ClosingBacklog } from "./closing-backlog.ts";

/** What every transport gets of the engine; one record that all of them share. */
export interface TransportContext {
  /** Bytes of one message: a POST body or a WebSocket message alike. */
  readonly maxHttpBufferSize: number;
  /** Packets in one POST body. */
  readonly maxPayloadPackets: number;
  /** Packets in the answer to one poll. */
  readonly maxPollPackets: number | undefined;
  /** How long the next bytes of a POST may take, in milliseconds. */
  readonly postTimeout: number;
  readonly httpCompression: boolean | Partial<HttpCompression>;
  /** Whether frames made for many receivers may be sent; they are not compressed. */
  readonly sharesFrames: boolean;
  readonly clock: Clock;
  /** Time-outs that many transports have at once, on one timer. */
  readonly heartbeat: TimingWheel;
  /** What messages that are not complete hold. */
  readonly receiving: ReceiveBudget;
  /** Transports that have ended and whose connection still stands: they count as connections, and the engine can cut them. */
  readonly closing: Set<Transport>;
  /** Those among them that never were a session's. */
  readonly closingBacklog: ClosingBacklog;
  /** How long peers are asked to wait before they come back, in milliseconds; undefined while they need not. */
  retryAfter(): number | undefined;
  /** A request of an open session was turned away. */
  reportRefusal(req: IncomingMessage, refusal: Refusal): void;
  /** Lets the engine and its users add headers to an answer of the session `sid`. */
  addHeaders(headers: OutgoingHttpHeaders, req: IncomingMessage, sid: string): void;
}

/** What the engine adds to what the options say. */
export type EngineServices = Pick<
  TransportContext,
  "heartbeat" | "receiving" | "closing" | "closingBacklog" | "retryAfter" | "reportRefusal" | "addHeaders"
>;

/** The options that the record is made of. */
export const CONTEXT_OPTIONS = [
  "maxHttpBufferSize",
  "maxPayloadPackets",
  "maxPollPackets",
  "postTimeout",
  "httpCompression",
  "perMessageDeflate",
  "wsEngine",
] as const;

/** The options of the engine, as far as transports obey them. */
interface ContextOptions extends Pick<
  TransportContext,
  "maxHttpBufferSize" | "maxPayloadPackets" | "postTimeout" | "httpCompression" | "clock"
> {
  readonly maxPollPackets?: number;
  readonly perMessageDeflate: unknown;
  readonly wsEngine?: unknown;
}

/** Completes the record by what the options say. */
export function transportContext(options: ContextOptions, services: EngineServices): TransportContext {
  const { maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout, httpCompression, clock } = options;
  const sharesFrames = !options.perMessageDeflate && !options.wsEngine;
  const limits = { maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout };
  return { ...services, ...limits, httpCompression, sharesFrames, clock };
}

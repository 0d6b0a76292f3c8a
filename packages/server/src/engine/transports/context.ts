import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ReceiveBudget } from "@portage/websocket";
import type { Clock } from "../../base/clock.ts";
import type { HttpCompression } from "../http/compression.ts";
import type { Refusal } from "../report/refusals.ts";
import type { TimingWheel } from "../timing-wheel.ts";
import type { Transport } from "./transport.ts";
import type { ClosingBacklog } from "./closing-backlog.ts";

/** The engine as transports see it. All transports of an engine share one record. */
export interface TransportContext {
  /** Most bytes of one POST body or WebSocket message. */
  readonly maxHttpBufferSize: number;
  /** Most packets in one POST body. */
  readonly maxPayloadPackets: number;
  /** Most packets in one poll response. */
  readonly maxPollPackets: number | undefined;
  /** Whether answers to polls may go on, for clients that ask. */
  readonly streaming: boolean;
  /** Most milliseconds between two chunks of a POST. */
  readonly postTimeout: number;
  readonly httpCompression: boolean | Partial<HttpCompression>;
  /** Whether shared, uncompressed frames of broadcasts may be sent. */
  readonly sharesFrames: boolean;
  readonly clock: Clock;
  /** Runs the timeouts of all transports on one timer. */
  readonly heartbeat: TimingWheel;
  /** The shared budget for incomplete messages. */
  readonly receiving: ReceiveBudget;
  /** Closed transports in the closing handshake. They count as connections, and the engine can cut them. */
  readonly closing: Set<Transport>;
  /** The transports among them that never carried a session. */
  readonly closingBacklog: ClosingBacklog;
  /** Returns the reconnection delay to ask clients for, in milliseconds; undefined unless the engine drains. */
  retryAfter(): number | undefined;
  /** Reports a refused request of an open session. */
  reportRefusal(req: IncomingMessage, refusal: Refusal): void;
  /** Adds the headers of the engine and of its listeners to a response of the session `sid`. */
  addHeaders(headers: OutgoingHttpHeaders, req: IncomingMessage, sid: string): void;
}

/** The part of the record that does not come from options. */
export type EngineServices = Pick<
  TransportContext,
  "heartbeat" | "receiving" | "closing" | "closingBacklog" | "retryAfter" | "reportRefusal" | "addHeaders"
>;

/** The options in the record. */
export const CONTEXT_OPTIONS = [
  "maxHttpBufferSize",
  "maxPayloadPackets",
  "maxPollPackets",
  "streaming",
  "postTimeout",
  "httpCompression",
  "perMessageDeflate",
  "wsEngine",
] as const;

/** The engine's options that transports use. */
interface ContextOptions extends Pick<
  TransportContext,
  "maxHttpBufferSize" | "maxPayloadPackets" | "postTimeout" | "httpCompression" | "clock"
> {
  readonly maxPollPackets?: number;
  readonly streaming?: boolean;
  readonly perMessageDeflate: unknown;
  readonly wsEngine?: unknown;
}

/** Builds the record from the options. */
export function transportContext(options: ContextOptions, services: EngineServices): TransportContext {
  const { maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout, httpCompression, clock } = options;
  const sharesFrames = !options.perMessageDeflate && !options.wsEngine;
  const limits = { maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout };
  const streaming = options.streaming !== false;
  return { ...services, ...limits, streaming, httpCompression, sharesFrames, clock };
}

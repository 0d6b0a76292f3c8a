import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ReceiveBudget } from "@portage/websocket";
import type { Clock } from "../../base/clock.ts";
import type { Refusal } from "../report/refusals.ts";
import type { HeartbeatWheel } from "../timing-wheel.ts";
import type { HttpCompression } from "../http/compression.ts";

/** What transports must know of the engine; one record shared by all of them. */
export interface EngineLimits {
  /** Bytes of one message, POST body or WebSocket message alike. */
  readonly maxHttpBufferSize: number;
  /** Packets in one POST body. */
  readonly maxPayloadPackets: number;
  /** Packets in the answer to one poll. */
  readonly maxPollPackets: number | undefined;
  /** How long the next bytes of a POST may take, in milliseconds. */
  readonly postTimeout: number;
  /** What messages that are not complete hold. */
  readonly receiving: ReceiveBudget;
  readonly heartbeat: HeartbeatWheel;
  readonly httpCompression: boolean | Partial<HttpCompression>;
  readonly clock: Clock;
  /** How long peers are asked to wait before they come back, in milliseconds; undefined while they need not. */
  retryAfter(): number | undefined;
  /** A request of an open session was turned away. */
  onRefused(req: IncomingMessage, refusal: Refusal): void;
  /** Lets the engine and its users add headers to an answer of the session `sid`. */
  addHeaders(headers: OutgoingHttpHeaders, req: IncomingMessage, sid: string): void;
}

/** What the engine adds to what the options say. */
export type EngineServices = Pick<EngineLimits, "receiving" | "heartbeat" | "retryAfter" | "onRefused" | "addHeaders">;

/** The options that the record is made of. */
export const LIMITING = [
  "maxHttpBufferSize",
  "maxPayloadPackets",
  "maxPollPackets",
  "postTimeout",
  "httpCompression",
] as const;

/** The options of the engine, as far as these transports obey them. */
interface PollingOptions extends Pick<
  EngineLimits,
  "maxHttpBufferSize" | "maxPayloadPackets" | "postTimeout" | "clock"
> {
  readonly maxPollPackets?: number;
  readonly httpCompression: boolean | Partial<HttpCompression>;
}

/** Completes the record by what the options say. */
export function engineLimits(options: PollingOptions, engine: EngineServices): EngineLimits {
  const { maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout, clock, httpCompression } = options;
  return { ...engine, maxHttpBufferSize, maxPayloadPackets, maxPollPackets, postTimeout, clock, httpCompression };
}

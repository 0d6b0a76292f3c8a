import type { Transport } from "./transport.ts";
import type { TurnedAway } from "./turned-away.ts";

/** What the WebSocket transports of one engine share. */
export interface WebSocketContext {
  /** Whether frames made for many receivers may be sent; they are not compressed. */
  readonly sharesFrames: boolean;
  /** Those that wait for the end of their closing handshake. */
  readonly closing: Set<Transport>;
  /** Those among them that never were a session's. */
  readonly turnedAway: TurnedAway;
  /** Bytes of one message. */
  readonly maxHttpBufferSize: number;
  /** Bytes of all messages together that are not complete. */
  readonly maxReceivingBytes: number;
  /** How long peers are asked to wait before they come back, in milliseconds; undefined while they need not. */
  retryAfter(): number | undefined;
}

/** The options that it is made of. */
export const FRAMING = ["perMessageDeflate", "wsEngine", "maxHttpBufferSize", "maxReceivingBytes"] as const;

/** The options of the engine, as far as these transports obey them. */
interface WebSocketOptions extends Pick<WebSocketContext, "maxHttpBufferSize" | "maxReceivingBytes"> {
  readonly perMessageDeflate: unknown;
  readonly wsEngine?: unknown;
}

/** Completes the record by what the options say. */
export function webSocketContext(
  { perMessageDeflate, wsEngine, maxHttpBufferSize, maxReceivingBytes }: WebSocketOptions,
  { closing, turnedAway, retryAfter }: Pick<WebSocketContext, "closing" | "turnedAway" | "retryAfter">,
): WebSocketContext {
  const sharesFrames = !perMessageDeflate && !wsEngine;
  return { sharesFrames, closing, turnedAway, maxHttpBufferSize, maxReceivingBytes, retryAfter };
}

/*
 * The contract between a connection and its owner: options, reports, phases.
 */
import type { DeflateSettings } from "./deflate/deflate.ts";
import type { Limits, Role } from "./limits.ts";
import type { TextForm } from "./receiver.ts";
import type { ViolationCode } from "./violations.ts";

/**
 * What a connection reports. Calls come from inside `receive`, `receiveEnd` and `resume`;
 * `onOutput` also from commands.
 */
export interface WebSocketHandler {
  /** A text message, checked to be UTF-8. */
  onText(text: string): void;
  /** Replaces `onText` unless the option `text` is `string`. The handler owns the buffer. */
  onTextBytes(data: Buffer): void;
  /** A binary message. The handler owns the buffer, which retains no much larger one. */
  onBinary(data: Buffer): void;
  /** A ping, already answered. */
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /**
   * The connection has ended by closing handshake or failure. `closeCode`,
   * `closeReason` and `error` are final.
   */
  onClosed(): void;
  /** Output is queued: call `takeOutput` soon. Not repeated until then. */
  onOutput(): void;
  /**
   * Reading stopped while a message was decompressed asynchronously. It can
   * go on: call `resume` soon.
   */
  onReadable(): void;
  /**
   * Returns the text of the close frame that answers a violation. Default:
   * the violation's sentence.
   */
  closeTextOf?(code: ViolationCode): string | undefined;
}

export interface ConnectionOptions {
  readonly role: Role;
  /** Returns milliseconds since a fixed moment, without jumps. */
  readonly clock: { now(): number };
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Limits;
  /** How text messages are delivered. Default `string`. */
  readonly text?: TextForm;
  /** The negotiated compression. Default none. */
  readonly deflate?: DeflateSettings | undefined;
  /** Whether pings are answered. Default true. */
  readonly autoPong?: boolean;
  /** Makes the mask keys of a client. Default: random keys. */
  readonly maskKey?: () => number;
}

/**
 * `open`: messages go both ways · `closing`: our close frame was sent, the peer's has not come ·
 * `closed`: both were exchanged · `failed`: a violation or the end of the stream came first.
 * `closed` and `failed` are final.
 */
export type ConnectionPhase = "open" | "closing" | "closed" | "failed";

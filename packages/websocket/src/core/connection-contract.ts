/*
 * What a connection and its owner agree on: the options it is made with, what it reports, and its phases.
 */
import type { DeflateSettings } from "./deflate/deflate.ts";
import type { Limits, Role } from "./limits.ts";
import type { TextForm } from "./receiver.ts";
import type { ViolationCode } from "./violations.ts";

/** What a connection reports. Calls come from inside `receive`, `receiveEnd` and `resume`; `onOutput` also from the verbs. */
export interface WebSocketHandler {
  /** A text message; its UTF-8 has been checked. */
  onText(text: string): void;
  /** Instead of `onText`, unless the option `text` is `string`. The buffer is the handler's. */
  onTextBytes(data: Buffer): void;
  /** A binary message. The buffer is the handler's, and pins no much larger one. */
  onBinary(data: Buffer): void;
  /** A ping; it has been answered. */
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** The closing handshake or a failure has ended the connection: `closeCode`, `closeReason` and `error` are final. */
  onClosed(): void;
  /** Output waits: call `takeOutput` soon. Not repeated until it was taken. */
  onOutput(): void;
  /** Reading had stopped for a message that took time to decompress, and can go on: call `resume` soon. */
  onReadable(): void;
  /** Asked for the text of the close frame that answers a violation. Default: the sentence of the violation. */
  closeTextOf?(code: ViolationCode): string | undefined;
}

export interface ConnectionOptions {
  readonly role: Role;
  /** Tells milliseconds since any moment, without jumps. */
  readonly clock: { now(): number };
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Limits;
  /** What text messages are delivered as. Default `string`. */
  readonly text?: TextForm;
  /** Compression as it was negotiated. Default none. */
  readonly deflate?: DeflateSettings | undefined;
  /** Whether pings are answered. Default true. */
  readonly autoPong?: boolean;
  /** Makes the mask keys of the client role. Default: random ones. */
  readonly maskKey?: () => number;
}

/**
 * `open`: messages go both ways · `closing`: our close frame was sent, the peer's awaited · `closed`: both were exchanged ·
 * `failed`: the stream ended without them, or a violation ended it. The last two are final.
 */
export type Phase = "open" | "closing" | "closed" | "failed";

/** The reasons of Engine.IO, as `close` listeners know them. */
export type ClassicReason = "transport error" | "transport close" | "forced close" | "ping timeout" | "parse error";

/** Why a session ended: the classic reason first, then what a machine and a human can make of it. */
export interface CloseReason {
  /** The classic reason: the first argument of `close`. */
  readonly reason: ClassicReason;
  /** A stable code, one of {@link CLOSE_CODES}. */
  readonly code: CloseCode;
  /** A sentence for a human. */
  readonly message: string;
  /** The second argument of `close`: an Error where there is one. */
  readonly description: unknown;
}

/** Every way in which a session can end: code, classic reason, sentence. */
export const CLOSE_CODES = {
  CLIENT_CLOSED: ["transport close", "the client closed the session"],
  CONNECTION_CLOSED: ["transport close", "the connection was closed by the peer or by the network"],
  CONNECTION_FAILED: ["transport error", "the connection broke"],
  SERVER_CLOSED: ["forced close", "the server closed the session"],
  PING_TIMEOUT: ["ping timeout", "the client did not answer the heartbeat in time"],
  INVALID_PACKET: ["parse error", "the client sent something that is not an Engine.IO packet"],
  INVALID_HEARTBEAT: ["transport error", "the client sent a heartbeat packet that only the server may send"],
  OVERLAPPING_POLL: ["transport error", "the client opened a second poll while one was waiting"],
  OVERLAPPING_POST: ["transport error", "the client sent a second POST while one was under way"],
  POLL_ABORTED: ["transport error", "the client dropped its poll before it was answered"],
  POLL_LOST: ["transport error", "the connection of a poll broke inside the answer, whose packets are lost"],
  POST_ABORTED: ["transport error", "the client dropped its POST before it was complete"],
  INVALID_CONTENT: ["transport error", "the client sent a body of a type that its protocol revision does not allow"],
  INVALID_HEADERS: ["transport error", "a headers listener set a header that HTTP does not allow"],
  PAYLOAD_TOO_LARGE: ["transport error", "the client sent more than maxHttpBufferSize bytes in one message"],
} as const satisfies Record<string, readonly [ClassicReason, string]>;

export type CloseCode = keyof typeof CLOSE_CODES;

/** An error of the engine layer. `code` is one of {@link CLOSE_CODES}. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: CloseCode;
  /** What the transport had to say about it, as engine.io calls it. */
  readonly description: unknown;

  constructor(code: CloseCode, message: string, description?: unknown) {
    super(message);
    this.code = code;
    this.description = description;
  }
}

/** Makes the record of a close that needs no more than its code and, sometimes, a cause. */
export function closeReason(code: CloseCode, description?: unknown): CloseReason {
  const [reason, message] = CLOSE_CODES[code];
  return { reason, code, message, description };
}

/** Makes the record of a close that a peer's mistake brought about: the cause is an {@link EngineError}. */
export function closeError(code: CloseCode, message: string, cause?: unknown): CloseReason {
  return closeReason(code, new EngineError(code, message, cause));
}

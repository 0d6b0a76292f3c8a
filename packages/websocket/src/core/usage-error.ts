/** How a program can misuse a server or a socket. */
const MISUSES = {
  WS_ERR_NO_SERVER: 'The server is operating in "noServer" mode',
  WS_ERR_ALREADY_HANDLED: "handleUpgrade() was called more than once with the same socket",
  WS_ERR_INVALID_CALLBACK: "The callback is not a function",
  WS_ERR_INVALID_FRAME: "A frame is a Buffer from frameText(string) or frameBinary(bytes, one byte)",
  WS_ERR_INVALID_LISTENER: "addEventListener() takes a function or an object with handleEvent()",
  WS_ERR_INVALID_HEADER: "A header line contains CR, LF or NUL, which could add another header",
  WS_ERR_CLIENT_FRAME: "sendFrame() works on a server only: a client masks each frame",
  WS_ERR_NO_KEY: "The request has no Sec-WebSocket-Key header; call checkUpgrade() first",
} as const;

/** Codes of a {@link UsageError}. docs/errors.md has a sentence for each. */
export type UsageErrorCode = keyof typeof MISUSES;

/**
 * A mistake of the program, not of the peer. Messages that exist in `ws` are the same,
 * since programs match on them.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** Which mistake it is. */
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode) {
    super(MISUSES[code]);
    this.code = code;
  }
}

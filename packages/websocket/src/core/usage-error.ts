/** How a program can misuse a server or a socket: what happened, and what to do about it. */
export const MISUSES = {
  WS_ERR_NO_SERVER: {
    message: 'The server is operating in "noServer" mode',
    fix: "ask the HTTP server for its `address()`",
  },
  WS_ERR_ALREADY_HANDLED: {
    message: "handleUpgrade() was called more than once with the same socket",
    fix: "call it once per socket: keep one `upgrade` listener for each path",
  },
  WS_ERR_INVALID_CALLBACK: { message: "The callback is not a function", fix: "pass a function" },
  WS_ERR_INVALID_FRAME: {
    message: "A frame is a Buffer from frameText(string) or frameBinary(bytes, one byte)",
    fix: "make the frame with `frameText()` or `frameBinary()`",
  },
  WS_ERR_INVALID_LISTENER: {
    message: "addEventListener() takes a function or an object with handleEvent()",
    fix: "pass a function, or an object with `handleEvent()`",
  },
  WS_ERR_INVALID_HEADER: {
    message: "A header line contains CR, LF or NUL, which could add another header",
    fix: "remove line breaks from header values that contain input of others",
  },
  WS_ERR_CLIENT_FRAME: {
    message: "sendFrame() works on a server only: a client masks each frame",
    fix: "call `send()` on a client",
  },
  WS_ERR_NO_KEY: {
    message: "The request has no Sec-WebSocket-Key header; call checkUpgrade() first",
    fix: "call `checkUpgrade()` first, and refuse the request if it fails",
  },
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
    super(MISUSES[code].message);
    this.code = code;
  }
}

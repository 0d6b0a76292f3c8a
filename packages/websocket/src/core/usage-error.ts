/** How a program may misuse a server or a socket. */
const MISUSES = {
  WS_ERR_NO_SERVER: 'The server is operating in "noServer" mode',
  WS_ERR_ALREADY_HANDLED: "handleUpgrade() was called more than once with the same socket",
  WS_ERR_INVALID_CALLBACK: "The callback is not a function",
  WS_ERR_INVALID_FRAME: "frameText() needs a string, frameBinary() bytes, and its prefix is one byte",
  WS_ERR_INVALID_LISTENER: "addEventListener() needs a function or an object with handleEvent()",
} as const;

export type UsageErrorCode = keyof typeof MISUSES;

/** A mistake of the program, not of the peer. The messages are those that programs written for `ws` look for. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode) {
    super(MISUSES[code]);
    this.code = code;
  }
}

/** How a program may misuse a server. */
const MISUSES = {
  WS_ERR_NO_SERVER: 'The server is operating in "noServer" mode',
  WS_ERR_ALREADY_HANDLED: "handleUpgrade() was called more than once with the same socket",
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

import type { AnswerRefusalCode } from "../core/index.ts";

/** How an attempt to connect ends without an answer that counts, and what to do about it. */
export const CONNECT_FAILURES = {
  WS_ERR_CONNECT_ABORTED: {
    message: "WebSocket was closed before the connection was established",
    fix: "nothing, if it is meant; otherwise wait for `open` before `close()`",
  },
  WS_ERR_CONNECT_TIMEOUT: {
    message: "Opening handshake has timed out",
    fix: "raise `handshakeTimeout`, or check the network and the load of the server",
  },
  WS_ERR_CONNECT_REDIRECTS: {
    message: "Maximum redirects exceeded",
    fix: "raise `maxRedirects`, or connect to the final URL",
  },
} as const;
export type ConnectFailureCode = keyof typeof CONNECT_FAILURES;

/** Codes of a {@link ConnectError}: refused answers of a server, and attempts that ended. */
export type ConnectErrorCode = AnswerRefusalCode | ConnectFailureCode;

/**
 * Why a client could not connect. Errors of the network and of TLS are passed on unchanged instead.
 * The messages match `ws`, since programs look for them.
 *
 * @example
 * socket.on("error", (error) => error instanceof ConnectError && log(error.code, error.message));
 */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** Why the attempt ended. */
  readonly code: ConnectErrorCode;

  constructor(code: ConnectErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

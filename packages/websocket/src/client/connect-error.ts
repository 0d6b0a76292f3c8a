import type { AnswerRefusalCode } from "../core/index.ts";

/** Codes of a {@link ConnectError}: refused answers of a server, and attempts that ended. */
export type ConnectErrorCode =
  AnswerRefusalCode | "WS_ERR_CONNECT_ABORTED" | "WS_ERR_CONNECT_TIMEOUT" | "WS_ERR_CONNECT_REDIRECTS";

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

import type { AnswerRefusalCode } from "../core/index.ts";

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
  readonly code: ConnectErrorCode;

  constructor(code: ConnectErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

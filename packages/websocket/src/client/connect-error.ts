import type { AnswerRefusalCode } from "../core/index.ts";

export type ConnectErrorCode =
  AnswerRefusalCode | "WS_ERR_CONNECT_ABORTED" | "WS_ERR_CONNECT_TIMEOUT" | "WS_ERR_CONNECT_REDIRECTS";

/**
 * Why a client did not come to be connected, when it was not the network or TLS: their errors are passed on as they are.
 * The messages are those that programs written for `ws` look for.
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

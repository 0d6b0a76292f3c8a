/** What a response of Node reports, by the codes of Node. */
const RESPONSE_ERRORS = {
  ECONNRESET: "the connection broke inside the answer",
  ERR_STREAM_WRITE_AFTER_END: "write after end",
  ERR_HTTP_INVALID_STATUS_CODE: "the status of an answer is 1xx; use writeEarlyHints()",
  ERR_STREAM_DESTROYED: "the connection has ended",
} as const;

/** An error of the response to another node, as Node's own responses report it. */
export class ResponseError extends Error {
  readonly code: keyof typeof RESPONSE_ERRORS;

  constructor(code: keyof typeof RESPONSE_ERRORS) {
    super(RESPONSE_ERRORS[code]);
    this.code = code;
  }
}

/** A violation of the protocol or of a limit: the close code that answers it, and what happened. */
export interface Violation {
  readonly closeCode: number;
  readonly message: string;
}

/** Codes of the rules that a peer can violate. docs/errors.md has a sentence for each. */
export type ViolationCode =
  | "WS_ERR_EXPECTED_FIN"
  | "WS_ERR_EXPECTED_MASK"
  | "WS_ERR_UNEXPECTED_MASK"
  | "WS_ERR_INVALID_CLOSE_CODE"
  | "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"
  | "WS_ERR_INVALID_OPCODE"
  | "WS_ERR_INVALID_PAYLOAD_LENGTH"
  | "WS_ERR_UNEXPECTED_RSV_1"
  | "WS_ERR_UNEXPECTED_RSV_2_3"
  | "WS_ERR_INVALID_UTF8"
  | "WS_ERR_INVALID_DEFLATE_DATA"
  | "WS_ERR_INFLATE_RATIO"
  | "WS_ERR_TOO_MANY_BUFFERED_PARTS"
  | "WS_ERR_TOO_MANY_CONTROL_FRAMES"
  | "WS_ERR_RECEIVE_BUDGET"
  | "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/**
 * Why a connection fails (RFC 6455, 7.1.7 and 10.7). Names shared with `ws` have the same meaning.
 * The sentences are sent as close reasons, so they must stay below 123 bytes.
 */
export const VIOLATIONS: Readonly<Record<ViolationCode, Violation>> = {
  WS_ERR_EXPECTED_FIN: { closeCode: 1002, message: "a control frame is fragmented" },
  WS_ERR_EXPECTED_MASK: { closeCode: 1002, message: "a frame from the client is not masked" },
  WS_ERR_UNEXPECTED_MASK: { closeCode: 1002, message: "a frame from the server is masked" },
  WS_ERR_INVALID_CLOSE_CODE: { closeCode: 1002, message: "the close code is reserved or out of range" },
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "a control frame exceeds 125 bytes, or a close frame has a single byte",
  },
  WS_ERR_INVALID_OPCODE: {
    closeCode: 1002,
    message: "the opcode is reserved, or out of sequence in a fragmented message",
  },
  WS_ERR_INVALID_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "the payload length is not minimal, or has its highest bit set",
  },
  WS_ERR_UNEXPECTED_RSV_1: {
    closeCode: 1002,
    message: "RSV1 is set without compression, or not on the first frame of a message",
  },
  WS_ERR_UNEXPECTED_RSV_2_3: { closeCode: 1002, message: "RSV2 or RSV3 is set, which no negotiated extension uses" },
  WS_ERR_INVALID_UTF8: { closeCode: 1007, message: "the text is not valid UTF-8" },
  WS_ERR_INVALID_DEFLATE_DATA: { closeCode: 1007, message: "the compressed message is not valid DEFLATE data" },
  WS_ERR_INFLATE_RATIO: { closeCode: 1009, message: "the compressed message expands beyond maxInflateRatio" },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: {
    closeCode: 1008,
    message: "the message has more fragments than maxFragments allows",
  },
  WS_ERR_TOO_MANY_CONTROL_FRAMES: { closeCode: 1008, message: "control frames exceed maxControlFramesPerSecond" },
  WS_ERR_RECEIVE_BUDGET: {
    closeCode: 1013,
    message: "receive buffer full; this message had been idle the longest",
  },
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: {
    closeCode: 1009,
    message: "the message exceeds maxPayload or the longest string",
  },
};

/**
 * The error of a violation.
 *
 * @example
 * const onClose = ({ error }: LinkClose) => error instanceof WebSocketError && log(error.code, error.closeCode);
 * link.open({ onText() {}, onBinary() {}, onDrain() {}, onClose });
 */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  /** A key of `VIOLATIONS`, such as `WS_ERR_INVALID_UTF8`. */
  readonly code: ViolationCode;
  /** The close code sent to the peer. */
  readonly closeCode: number;

  constructor(code: ViolationCode) {
    super(VIOLATIONS[code].message);
    this.code = code;
    this.closeCode = VIOLATIONS[code].closeCode;
  }
}

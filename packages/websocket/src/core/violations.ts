/** One way to break the protocol or a limit: the close code it is answered with, and the sentence that says what happened. */
export interface Violation {
  readonly closeCode: number;
  readonly message: string;
}

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
 * Every reason for which a connection is failed (RFC 6455, 7.1.7 and 10.7). Names that `ws` also uses mean the same there.
 * The sentences travel as the reason of the close frame, so they stay under 123 bytes.
 */
export const VIOLATIONS: Readonly<Record<ViolationCode, Violation>> = {
  WS_ERR_EXPECTED_FIN: { closeCode: 1002, message: "a control frame must not be fragmented" },
  WS_ERR_EXPECTED_MASK: { closeCode: 1002, message: "a frame from a client must be masked" },
  WS_ERR_UNEXPECTED_MASK: { closeCode: 1002, message: "a frame from a server must not be masked" },
  WS_ERR_INVALID_CLOSE_CODE: { closeCode: 1002, message: "the close code is not one that may be sent" },
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "a control frame has a payload of more than 125 bytes, or a close frame one of a single byte",
  },
  WS_ERR_INVALID_OPCODE: {
    closeCode: 1002,
    message: "the opcode is reserved, or out of place between the fragments of a message",
  },
  WS_ERR_INVALID_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "the payload length is not in its shortest form, or has its highest bit set",
  },
  WS_ERR_UNEXPECTED_RSV_1: {
    closeCode: 1002,
    message: "RSV1 is set, but compression was not negotiated or this is not the first frame of a message",
  },
  WS_ERR_UNEXPECTED_RSV_2_3: { closeCode: 1002, message: "RSV2 or RSV3 is set, but no extension uses them" },
  WS_ERR_INVALID_UTF8: { closeCode: 1007, message: "the text is not valid UTF-8" },
  WS_ERR_INVALID_DEFLATE_DATA: { closeCode: 1007, message: "the compressed message is not valid deflate data" },
  WS_ERR_INFLATE_RATIO: { closeCode: 1009, message: "the message grows by more than the ratio that this end accepts" },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { closeCode: 1008, message: "the message has too many fragments" },
  WS_ERR_TOO_MANY_CONTROL_FRAMES: { closeCode: 1008, message: "too many control frames within one second" },
  WS_ERR_RECEIVE_BUDGET: {
    closeCode: 1013,
    message: "there is no room for the rest of the message, of which nothing came for the longest",
  },
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { closeCode: 1009, message: "the message is longer than this end accepts" },
};

/**
 * A violation as an error.
 *
 * @example
 * const onClose = ({ error }: LinkClose) => error instanceof WebSocketError && log(error.code, error.closeCode);
 * link.open({ onText() {}, onBinary() {}, onDrain() {}, onClose });
 */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  /** A key of `VIOLATIONS`, such as `WS_ERR_INVALID_UTF8`. */
  readonly code: ViolationCode;
  /** The close code sent to the peer for it. */
  readonly closeCode: number;

  constructor(code: ViolationCode) {
    super(VIOLATIONS[code].message);
    this.code = code;
    this.closeCode = VIOLATIONS[code].closeCode;
  }
}

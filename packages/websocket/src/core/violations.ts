/** A violation of the protocol or of a limit. */
export interface Violation {
  /** The close code that answers it. */
  readonly closeCode: number;
  /** What happened. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
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
 * The messages are sent as close reasons, so they must stay below 123 bytes.
 */
export const VIOLATIONS: Readonly<Record<ViolationCode, Violation>> = {
  WS_ERR_EXPECTED_FIN: {
    closeCode: 1002,
    message: "a control frame is fragmented",
    fix: "update the peer: a ping, pong or close must be one frame",
  },
  WS_ERR_EXPECTED_MASK: {
    closeCode: 1002,
    message: "a frame from the client is not masked",
    fix: "update the client; check proxies that rewrite frames",
  },
  WS_ERR_UNEXPECTED_MASK: {
    closeCode: 1002,
    message: "a frame from the server is masked",
    fix: "update the server; check proxies that rewrite frames",
  },
  WS_ERR_INVALID_CLOSE_CODE: {
    closeCode: 1002,
    message: "the close code is reserved or out of range",
    fix: "close with 1000, or with a code from 3000 to 4999",
  },
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "a control frame exceeds 125 bytes, or a close frame has a single byte",
    fix: "send at most 125 bytes in a ping, pong or close",
  },
  WS_ERR_INVALID_OPCODE: {
    closeCode: 1002,
    message: "the opcode is reserved, or out of sequence in a fragmented message",
    fix: "update the peer: it must finish a message before the next one",
  },
  WS_ERR_INVALID_PAYLOAD_LENGTH: {
    closeCode: 1002,
    message: "the payload length is not minimal, or has its highest bit set",
    fix: "update the peer; check proxies that rewrite frames",
  },
  WS_ERR_UNEXPECTED_RSV_1: {
    closeCode: 1002,
    message: "RSV1 is set without compression, or not on the first frame of a message",
    fix: "update the peer, or set `perMessageDeflate: false` in it",
  },
  WS_ERR_UNEXPECTED_RSV_2_3: {
    closeCode: 1002,
    message: "RSV2 or RSV3 is set, which no negotiated extension uses",
    fix: "update the peer; check proxies that rewrite frames",
  },
  WS_ERR_INVALID_UTF8: {
    closeCode: 1007,
    message: "the text is not valid UTF-8",
    fix: "send bytes as a binary message, not as text",
  },
  WS_ERR_INVALID_DEFLATE_DATA: {
    closeCode: 1007,
    message: "the compressed message is not valid DEFLATE data",
    fix: "update the peer, or set `perMessageDeflate: false`",
  },
  WS_ERR_INFLATE_RATIO: {
    closeCode: 1009,
    message: "the compressed message expands beyond maxInflateRatio",
    fix: "raise `perMessageDeflate.maxInflateRatio`, or send it uncompressed",
  },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: {
    closeCode: 1008,
    message: "the message has more fragments than maxFragments allows",
    fix: "raise `maxFragments`, or send fewer and larger fragments",
  },
  WS_ERR_TOO_MANY_CONTROL_FRAMES: {
    closeCode: 1008,
    message: "control frames exceed maxControlFramesPerSecond",
    fix: "raise `maxControlFramesPerSecond`, or send fewer pings",
  },
  WS_ERR_RECEIVE_BUDGET: {
    closeCode: 1013,
    message: "receive buffer full; this message had been idle the longest",
    fix: "raise `maxReceivingBytes` (a `budget`), or send smaller messages",
  },
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: {
    closeCode: 1009,
    message: "the message exceeds maxPayload or the longest string",
    fix: "raise `maxHttpBufferSize` (`maxPayload`), or send smaller messages",
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

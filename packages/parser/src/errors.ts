/**
 * What the engine codecs (revisions 3 and 4) refuse: code to message.
 * The documentation of errors is generated from this table and the comment over each row.
 */
export const ENGINE_PARSER_ERRORS = {
  /** A packet of no characters or bytes: there is no type to read. */
  ENGINE_EMPTY_PACKET: "empty engine packet",
  /** The first character (or byte, in revision 3) names none of the seven packet types. */
  ENGINE_UNKNOWN_PACKET_TYPE: "unknown engine packet type",
  /** A `b` packet whose rest is not padded base64 of the standard alphabet (RFC 4648 section 4). */
  ENGINE_INVALID_BASE64: "invalid base64 in an engine packet",
  /** A payload of no packets at all. */
  ENGINE_EMPTY_PAYLOAD: "empty engine payload",
  /** Revision 3: a length that is missing, not made of digits, too long, or longer than the payload. */
  ENGINE_INVALID_LENGTH: "invalid packet length in an engine payload",
  /** Revision 3: a text packet of a binary payload that is not UTF-8. */
  ENGINE_INVALID_UTF8: "invalid UTF-8 in an engine payload",
  /** A payload of more packets than the caller allows. */
  ENGINE_TOO_MANY_PACKETS: "too many packets in an engine payload",
} as const;

/**
 * What the Socket.IO codec refuses: code to message. The first eight messages are those of `socket.io-parser`, to the
 * letter, because programs match on them.
 */
export const SOCKET_PARSER_ERRORS = {
  /** The packet begins with something else than a digit from 0 to 6; the character follows, as a number. */
  SOCKET_UNKNOWN_PACKET_TYPE: "unknown packet type",
  /** A chunk that is neither text nor binary; the chunk follows. */
  SOCKET_UNKNOWN_CHUNK_TYPE: "Unknown type:",
  /** A binary packet that does not announce a whole number of attachments, at least one. */
  SOCKET_ILLEGAL_ATTACHMENT_COUNT: "Illegal attachments",
  /** A binary packet that announces more than `maxAttachments`. */
  SOCKET_TOO_MANY_ATTACHMENTS: "too many attachments",
  /** A placeholder that refers to no attachment of its packet. */
  SOCKET_ILLEGAL_PLACEHOLDER: "illegal attachments",
  /** The data is missing, is not JSON, or does not suit the type of packet; also a reserved event name. */
  SOCKET_INVALID_PAYLOAD: "invalid payload",
  /** Text arrived while attachments of the packet before it were due. */
  SOCKET_UNEXPECTED_TEXT: "got plaintext data when reconstructing a packet",
  /** An attachment arrived that no packet had announced. */
  SOCKET_UNEXPECTED_BINARY: "got binary data when not reconstructing a packet",
  /** An acknowledgement id beyond the safe integers. */
  SOCKET_INVALID_ACK_ID: "invalid acknowledgement id",
  /** Arrays and objects nested deeper than `maxDepth`. */
  SOCKET_TOO_DEEP: "data nested too deeply",
  /** Objects that have more than `maxKeys` keys together. */
  SOCKET_TOO_MANY_KEYS: "too many keys",
  /** An event or acknowledgement of more than `maxArguments` arguments. */
  SOCKET_TOO_MANY_ARGUMENTS: "too many arguments",
  /** An event name longer than `maxEventNameLength`. */
  SOCKET_EVENT_NAME_TOO_LONG: "event name too long",
  /** A namespace, its query included, longer than `maxNamespaceLength`. */
  SOCKET_NAMESPACE_TOO_LONG: "namespace too long",
  /** The attachments of one packet hold more than `maxAttachmentBytes` together. */
  SOCKET_ATTACHMENTS_TOO_LARGE: "attachments too large",
  /** Encoding: the data refers to itself or is nested too deeply to be encoded. */
  SOCKET_UNENCODABLE_DEPTH: "data is circular or nested too deeply to be encoded",
} as const;

/** Machine-readable reason of a {@link ParserError}: a key of one of the two tables. */
export type ParserErrorCode = keyof typeof ENGINE_PARSER_ERRORS | keyof typeof SOCKET_PARSER_ERRORS;

const MESSAGES: Readonly<Record<ParserErrorCode, string>> = { ...ENGINE_PARSER_ERRORS, ...SOCKET_PARSER_ERRORS };

/**
 * Thrown by every codec of this package for input that it refuses. Nothing else is thrown for bytes of a peer.
 *
 * @example
 * try {
 *   decodePacketV4("x");
 * } catch (error) {
 *   if (error instanceof ParserError) console.log(error.code); // "ENGINE_UNKNOWN_PACKET_TYPE"
 * }
 */
export class ParserError extends Error {
  readonly code: ParserErrorCode;

  /** @param detail appended to the message of the code, after a space */
  constructor(code: ParserErrorCode, detail?: string) {
    super(detail === undefined ? MESSAGES[code] : MESSAGES[code] + " " + detail);
    this.name = "ParserError";
    this.code = code;
  }
}

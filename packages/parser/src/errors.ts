/**
 * Why the engine codecs (revisions 3 and 4) reject input: code to message. The documentation of
 * errors is generated from this table and its comments: bundles for browsers have the messages only.
 */
export const ENGINE_PARSER_ERRORS = {
  /**
   * A packet without characters or bytes, so without a type.
   * Fix: use a Socket.IO client; check proxies that cut bodies.
   */
  ENGINE_EMPTY_PACKET: "empty engine packet",
  /**
   * The first character (first byte in revision 3) is not one of the seven packet types.
   * Fix: use a Socket.IO client; check that nothing else speaks on this path.
   */
  ENGINE_UNKNOWN_PACKET_TYPE: "unknown engine packet type",
  /**
   * A `b` packet whose data is not base64 (RFC 4648 sections 4 and 5), padded or not.
   * Fix: check proxies that change bodies; `+` must not become a blank.
   */
  ENGINE_INVALID_BASE64: "invalid base64 in an engine packet",
  /**
   * A payload without packets.
   * Fix: use a Socket.IO client; check proxies that drop the body of a POST.
   */
  ENGINE_EMPTY_PAYLOAD: "empty engine payload",
  /**
   * Revision 3: a length that is missing, not a number, too long, or longer than the payload.
   * Fix: update the client; check proxies that cut or recode bodies.
   */
  ENGINE_INVALID_LENGTH: "invalid packet length in an engine payload",
  /**
   * Revision 3: a text packet of a binary payload that is not UTF-8.
   * Fix: update the client; check proxies that recode bodies.
   */
  ENGINE_INVALID_UTF8: "invalid UTF-8 in an engine payload",
  /**
   * A payload with more packets than the caller accepts.
   * Fix: raise `maxPayloadPackets`, or send fewer packets at once.
   */
  ENGINE_TOO_MANY_PACKETS: "too many packets in an engine payload",
  /**
   * A packet in a stream, as WebTransport has it, that is longer than the caller accepts.
   * Fix: raise `maxHttpBufferSize`, or send smaller messages.
   */
  ENGINE_PACKET_TOO_LARGE: "engine packet larger than the limit",
} as const;

/**
 * Why the Socket.IO codec rejects input: code to message. The first eight messages equal the
 * messages of `socket.io-parser`, because programs match on them.
 */
export const SOCKET_PARSER_ERRORS = {
  /**
   * The packet does not begin with a digit from 0 to 6; the digit follows, or NaN.
   * Fix: use the same `parser` on both sides, and a Socket.IO client.
   */
  SOCKET_UNKNOWN_PACKET_TYPE: "unknown packet type",
  /**
   * A chunk that is neither text nor binary; the chunk follows.
   * Fix: pass strings or bytes to `decoder.add()`.
   */
  SOCKET_UNKNOWN_CHUNK_TYPE: "Unknown type:",
  /**
   * A binary packet that does not announce a positive whole number of attachments.
   * Fix: use a Socket.IO client; a packet of type 5 or 6 begins with a count.
   */
  SOCKET_ILLEGAL_ATTACHMENT_COUNT: "Illegal attachments",
  /**
   * A binary packet that announces more than `maxAttachments`.
   * Fix: raise `packetLimits.maxAttachments`, or send fewer binary values at once.
   */
  SOCKET_TOO_MANY_ATTACHMENTS: "too many attachments",
  /**
   * A placeholder without an attachment in its packet.
   * Fix: use a Socket.IO client; do not emit objects with the key `_placeholder`.
   */
  SOCKET_ILLEGAL_PLACEHOLDER: "illegal attachments",
  /**
   * The data is missing, is not JSON, or is invalid for the packet type;
   * also a reserved event name.
   * Fix: use the same `parser` on both sides; rename events such as `connect`.
   */
  SOCKET_INVALID_PAYLOAD: "invalid payload",
  /**
   * Text arrived before all announced attachments had.
   * Fix: send the attachments right after their packet, as Socket.IO clients do.
   */
  SOCKET_UNEXPECTED_TEXT: "got plaintext data when reconstructing a packet",
  /**
   * An attachment arrived without being announced.
   * Fix: send bytes by `emit()`, not as a message of the engine.
   */
  SOCKET_UNEXPECTED_BINARY: "got binary data when not reconstructing a packet",
  /**
   * An acknowledgement id above the largest safe integer.
   * Fix: use a Socket.IO client, which counts its ids from 0.
   */
  SOCKET_INVALID_ACK_ID: "the acknowledgement id is not a safe integer",
  /**
   * Arrays and objects nested deeper than `maxDepth`.
   * Fix: raise `packetLimits.maxDepth`, or flatten the data.
   */
  SOCKET_TOO_DEEP: "data is nested deeper than maxDepth",
  /**
   * Objects with more than `maxKeys` keys in total.
   * Fix: raise `packetLimits.maxKeys`, or send arrays in place of objects.
   */
  SOCKET_TOO_MANY_KEYS: "objects have more keys than maxKeys",
  /**
   * An event or acknowledgement with more than `maxArguments` arguments.
   * Fix: raise `packetLimits.maxArguments`, or put the values into one array.
   */
  SOCKET_TOO_MANY_ARGUMENTS: "more arguments than maxArguments",
  /**
   * An event name longer than `maxEventNameLength`.
   * Fix: raise `packetLimits.maxEventNameLength`, or move data into the arguments.
   */
  SOCKET_EVENT_NAME_TOO_LONG: "event name longer than maxEventNameLength",
  /**
   * A namespace, its query included, longer than `maxNamespaceLength`.
   * Fix: raise `packetLimits.maxNamespaceLength`, or shorten the name or its query.
   */
  SOCKET_NAMESPACE_TOO_LONG: "namespace longer than maxNamespaceLength",
  /**
   * The attachments of one packet exceed `maxAttachmentBytes` in total.
   * Fix: raise `packetLimits.maxAttachmentBytes`, or split the message.
   */
  SOCKET_ATTACHMENTS_TOO_LARGE: "attachments larger than maxAttachmentBytes",
  /**
   * Encoding: the data is circular, or too deep for `JSON.stringify`.
   * Fix: remove the cycle, or flatten the data, before `emit()`.
   */
  SOCKET_UNENCODABLE_DEPTH: "data is circular or nested too deeply to be encoded",
} as const;

/** Machine-readable reason of a {@link ParserError}: a key of one of the two tables. */
export type ParserErrorCode = keyof typeof ENGINE_PARSER_ERRORS | keyof typeof SOCKET_PARSER_ERRORS;

const MESSAGES: Readonly<Record<ParserErrorCode, string>> = { ...ENGINE_PARSER_ERRORS, ...SOCKET_PARSER_ERRORS };

/**
 * Thrown by every codec of this package for rejected input. The bytes of a
 * peer cause no other error.
 *
 * @example
 * try {
 *   decodePacketV4("x");
 * } catch (error) {
 *   if (error instanceof ParserError) console.log(error.code); // "ENGINE_UNKNOWN_PACKET_TYPE"
 * }
 */
export class ParserError extends Error {
  /** The rule that the input violates. docs/errors.md has a sentence for each. */
  readonly code: ParserErrorCode;

  /** @param detail appended to the message, after a space */
  constructor(code: ParserErrorCode, detail?: string) {
    super(detail === undefined ? MESSAGES[code] : MESSAGES[code] + " " + detail);
    this.name = "ParserError";
    this.code = code;
  }
}

import type { Bytes } from "../bytes.ts";
import { DIGIT_0 } from "../characters.ts";
import { isAttachment, insertAttachments } from "./binary.ts";
import {
  type DecoderOptions,
  type DecoderSettings,
  type JsonReviver,
  resolveDecoderOptions,
} from "./decoder-options.ts";
import { Listeners, type PacketListener } from "./listeners.ts";
import { isDeeperThan, mayBeDeeperThan } from "./json-depth.ts";
import { hasMoreKeysThan } from "./json-keys.ts";
import { isDataValid, type Packet, PacketType, SocketPacket } from "./packet.ts";
import { ParserError } from "../errors.ts";

const DIGIT_9 = 57;
const SLASH = 47;
const DASH = 45;
const SPACE = 32;
const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** Digits of the largest safe integer, plus one: longer numbers are invalid. */
const MAX_DIGITS = 17;

/** A packet that lacks attachments. */
interface Pending {
  readonly packet: SocketPacket;
  readonly attachments: unknown[];
  bytes: number;
}

/**
 * Decodes Socket.IO packets, one engine message at a time. An idle decoder is three references.
 *
 * @example
 * const decoder = new Decoder();
 * decoder.decode('2["hello",1]'); // SocketPacket { type: 2, nsp: "/", data: ["hello", 1], id: undefined, attachments: 0 }
 */
export class Decoder {
  readonly #settings: Readonly<DecoderSettings>;
  #pending: Pending | undefined;
  #listeners: Listeners | undefined;

  /** @param options a reviver for `JSON.parse`, or {@link DecoderOptions} */
  constructor(options?: DecoderOptions | JsonReviver) {
    this.#settings = resolveDecoderOptions(options);
    this.#pending = undefined;
    this.#listeners = undefined;
  }

  /**
   * Decodes one message.
   *
   * @returns the packet once complete; undefined while attachments are missing
   * @throws ParserError with a `SOCKET_*` code; the decoder then expects a new packet
   */
  decode(chunk: string | Bytes): SocketPacket | undefined {
    return typeof chunk === "string" ? this.#takeText(chunk) : this.#takeAttachment(chunk);
  }

  /** Decodes like {@link Decoder.decode}, and emits a complete packet as `decoded`. */
  add(chunk: string | Bytes): void {
    const packet = this.decode(chunk);
    if (packet !== undefined) this.emit("decoded", toPlainPacket(packet));
  }

  /** Drops an incomplete packet. The decoder stays usable. */
  destroy(): void {
    this.#pending = undefined;
  }

  /** Adds a listener, which gets every complete packet. */
  on(event: "decoded", listener: (packet: Packet) => void): this;
  on(event: string, listener: PacketListener): this {
    (this.#listeners ??= new Listeners()).add(event, listener);
    return this;
  }

  /** Adds a listener for the next packet only. */
  once(event: "decoded", listener: (packet: Packet) => void): this;
  once(event: string, listener: PacketListener): this {
    (this.#listeners ??= new Listeners()).addOnce(event, listener);
    return this;
  }

  /**
   * Removes a listener. Without `listener`, removes all of the event;
   * without `event`, all listeners.
   */
  off(event?: string, listener?: PacketListener): this {
    this.#listeners?.remove(event, listener);
    return this;
  }

  /** Does the same as `off`. */
  removeListener(event?: string, listener?: PacketListener): this {
    return this.off(event, listener);
  }

  /** Calls the listeners of an event. */
  emit(event: string, ...args: unknown[]): this {
    this.#listeners?.emit(event, args);
    return this;
  }

  #takeText(text: string): SocketPacket | undefined {
    if (this.#pending !== undefined) {
      this.#pending = undefined;
      throw new ParserError("SOCKET_UNEXPECTED_TEXT");
    }
    const type = text.charCodeAt(0) - DIGIT_0;
    if (!(type >= PacketType.CONNECT && type <= PacketType.BINARY_ACK)) throw unknownType(type);
    if (type < PacketType.BINARY_EVENT) return decodeAfter(text, 1, type as PacketType, this.#settings);
    return this.#takeBinaryText(text, type - PacketType.BINARY_EVENT + PacketType.EVENT);
  }

  #takeBinaryText(text: string, type: number): undefined {
    const dash = afterSpace(text, endOfDigits(text, afterSpace(text, 1)));
    const count = Number(text.slice(1, dash));
    if (text.charCodeAt(dash) !== DASH || count < 1) {
      throw new ParserError("SOCKET_ILLEGAL_ATTACHMENT_COUNT");
    }
    if (count > this.#settings.maxAttachments) throw new ParserError("SOCKET_TOO_MANY_ATTACHMENTS");
    const packet = decodeAfter(text, dash + 1, type as PacketType, this.#settings);
    packet.attachments = count;
    this.#pending = { packet, attachments: [], bytes: 0 };
  }

  #takeAttachment(chunk: unknown): SocketPacket | undefined {
    const pending = this.#pending;
    if (!isAttachment(chunk)) {
      this.#pending = undefined;
      throw new ParserError("SOCKET_UNKNOWN_CHUNK_TYPE", describe(chunk));
    }
    if (pending === undefined) throw new ParserError("SOCKET_UNEXPECTED_BINARY");
    pending.bytes += "size" in chunk ? chunk.size : chunk.byteLength;
    if (pending.bytes > this.#settings.maxAttachmentBytes) {
      this.#pending = undefined;
      throw new ParserError("SOCKET_ATTACHMENTS_TOO_LARGE");
    }
    if (pending.attachments.push(chunk) < pending.packet.attachments) return undefined;
    this.#pending = undefined;
    insertAttachments(pending.packet.data as object, pending.attachments);
    return pending.packet;
  }
}

/** Decodes `[namespace,][id][data]`, which follows the type and the number of attachments. */
// hot path: 3.5 % of the server's time in `ingest`
function decodeAfter(text: string, start: number, type: PacketType, settings: Readonly<DecoderSettings>): SocketPacket {
  let at = start;
  let nsp = "/";
  if (text.charCodeAt(at) === SLASH) {
    const comma = text.indexOf(",", at);
    const end = comma === -1 ? text.length : comma;
    if (end - at > settings.maxNamespaceLength) throw new ParserError("SOCKET_NAMESPACE_TOO_LONG");
    nsp = type === PacketType.CONNECT ? copyText(text.slice(at, end)) : text.slice(at, end);
    at = comma === -1 ? end : end + 1;
  }
  at = afterSpace(text, at);
  const idEnd = endOfDigits(text, at);
  const id = idEnd === at ? undefined : decodeId(text.slice(at, idEnd));
  at = afterSpace(text, idEnd);
  let data = at < text.length ? parseData(text.slice(at), settings) : undefined;
  // Some clients send a reason with DISCONNECT. The protocol does not define one.
  if (type === PacketType.DISCONNECT) data = undefined;
  if (!isDataValid(type, data)) throw new ParserError("SOCKET_INVALID_PAYLOAD");
  if (Array.isArray(data)) checkArguments(type, data, settings);
  return new SocketPacket(type, nsp, data, id);
}

function parseData(json: string, settings: Readonly<DecoderSettings>): unknown {
  let data: unknown;
  try {
    data = parseJson(json, settings);
  } catch (error) {
    throw error instanceof ParserError ? error : new ParserError("SOCKET_INVALID_PAYLOAD");
  }
  // A reviver may remove the data; that differs from a packet without data.
  if (data === undefined) throw new ParserError("SOCKET_INVALID_PAYLOAD");
  return data;
}

// hot path: 20.8 % of the server's time in `ingest`
function parseJson(json: string, settings: Readonly<DecoderSettings>): unknown {
  // The first comparison saves a call for short texts, and for all texts without a limit.
  if (json.length > settings.maxKeys && hasMoreKeysThan(json, settings.maxKeys))
    throw new ParserError("SOCKET_TOO_MANY_KEYS");
  if (mayBeDeeperThan(json, settings.maxDepth)) {
    const plain: unknown = JSON.parse(json);
    // `JSON.parse` recurses for a reviver, so data that is too deep must not reach it.
    if (typeof plain === "object" && plain !== null && isDeeperThan(plain, settings.maxDepth))
      throw new ParserError("SOCKET_TOO_DEEP");
    if (settings.reviver === undefined) return plain;
  }
  return JSON.parse(json, settings.reviver);
}

function checkArguments(type: PacketType, data: readonly unknown[], settings: Readonly<DecoderSettings>): void {
  if (data.length > settings.maxArguments) throw new ParserError("SOCKET_TOO_MANY_ARGUMENTS");
  if (type !== PacketType.EVENT) return;
  const name = data[0];
  if (typeof name === "string" && name.length > settings.maxEventNameLength) {
    throw new ParserError("SOCKET_EVENT_NAME_TOO_LONG");
  }
}

/**
 * Returns the index of the first character from `start` on that is not JSON white space.
 * Some encoders write spaces.
 */
function afterSpace(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) <= SPACE && isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(char: number): boolean {
  return char === SPACE || char === LINE_FEED || char === CARRIAGE_RETURN || char === TAB;
}

/** Returns the index after the last digit from `start` on; `start` itself without digits. */
function endOfDigits(text: string, start: number): number {
  const limit = start + MAX_DIGITS;
  let at = start;
  for (let char = text.charCodeAt(at); char >= DIGIT_0 && char <= DIGIT_9 && at < limit; char = text.charCodeAt(at))
    at++;
  return at;
}

/**
 * Copies a text. A slice retains the whole message, and the namespace of a CONNECT may live long.
 */
function copyText(slice: string): string {
  return slice.split("").join("");
}

function decodeId(digits: string): number {
  const id = Number(digits);
  if (Number.isSafeInteger(id)) return id;
  throw new ParserError("SOCKET_INVALID_ACK_ID");
}

function unknownType(type: number): ParserError {
  return new ParserError("SOCKET_UNKNOWN_PACKET_TYPE", String(type >= 0 && type <= 9 ? type : NaN));
}

/** Describes any value, even if converting it to a string throws. */
function describe(chunk: unknown): string {
  try {
    return String(chunk);
  } catch {
    return typeof chunk;
  }
}

/** Converts to the shape of `socket.io-parser`, which omits unused fields. */
function toPlainPacket(packet: SocketPacket): Packet {
  const plain: Packet = { type: packet.type, nsp: packet.nsp };
  if (packet.id !== undefined) plain.id = packet.id;
  if (packet.data !== undefined) plain.data = packet.data;
  return plain;
}

/**
 * The seven Socket.IO packet types, with the reverse mapping (`PacketType[2] === "EVENT"`).
 * BINARY_EVENT and BINARY_ACK exist on the wire only: the decoder returns EVENT and ACK
 * with attachments in place.
 */
export const PacketType = {
  CONNECT: 0,
  DISCONNECT: 1,
  EVENT: 2,
  ACK: 3,
  CONNECT_ERROR: 4,
  BINARY_EVENT: 5,
  BINARY_ACK: 6,
  0: "CONNECT",
  1: "DISCONNECT",
  2: "EVENT",
  3: "ACK",
  4: "CONNECT_ERROR",
  5: "BINARY_EVENT",
  6: "BINARY_ACK",
} as const;

/** A packet type's number on the wire. */
export type PacketType = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Accepted by the encoder and emitted as `decoded`. Unused fields may be omitted. */
export interface Packet {
  /** What the packet is for. */
  type: PacketType;
  /** Namespace, with a leading slash. */
  nsp: string;
  /** EVENT: name and arguments. ACK: arguments. CONNECT, CONNECT_ERROR: payload. Else undefined. */
  data?: unknown;
  /** Acknowledgement id: requested (EVENT) or answered (ACK). */
  id?: number | undefined;
  /** Number of attachments. The encoder counts those of EVENT and ACK. */
  attachments?: number | undefined;
}

/**
 * A decoded packet. This constructor sets all fields, so that every reader sees one object shape.
 */
export class SocketPacket {
  /** What the packet is for. */
  readonly type: PacketType;
  /**
   * Namespace, with a leading slash. Protocol 4 may append a query (`/chat?token=x`),
   * which the caller strips.
   */
  readonly nsp: string;
  /** EVENT: name and arguments. ACK: arguments. CONNECT, CONNECT_ERROR: payload. Else undefined. */
  readonly data: unknown;
  /** Acknowledgement id: requested (EVENT) or answered (ACK). */
  readonly id: number | undefined;
  /** Number of attachments in the packet. */
  attachments: number;

  constructor(type: PacketType, nsp: string, data: unknown, id: number | undefined) {
    this.type = type;
    this.nsp = nsp;
    this.data = data;
    this.id = id;
    this.attachments = 0;
  }
}

/** Event names that client or server emit themselves. A peer must not send them. */
export const RESERVED_EVENTS: ReadonlySet<unknown> = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

/** Validates data by packet type, for decoding and for {@link isPacketValid}. */
export function isDataValid(type: PacketType, data: unknown): boolean {
  switch (type) {
    case PacketType.EVENT:
    case PacketType.BINARY_EVENT:
      return Array.isArray(data) && isEventNameValid(data[0]);
    case PacketType.ACK:
    case PacketType.BINARY_ACK:
      return Array.isArray(data);
    case PacketType.CONNECT:
      return data === undefined || isObject(data);
    case PacketType.DISCONNECT:
      return data === undefined;
    case PacketType.CONNECT_ERROR:
      return typeof data === "string" || isObject(data);
    default:
      return false;
  }
}

function isEventNameValid(name: unknown): boolean {
  return typeof name === "string" ? !RESERVED_EVENTS.has(name) : typeof name === "number";
}

function isObject(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/**
 * Returns whether a packet, for example of another parser, follows the protocol. BINARY_EVENT and
 * BINARY_ACK are never valid: they exist on the wire only.
 *
 * @example isPacketValid({ type: PacketType.EVENT, nsp: "/", data: ["connect"] }) // false: a reserved name
 */
export function isPacketValid(packet: Packet): boolean {
  if (typeof packet.nsp !== "string") return false;
  if (packet.id !== undefined && !Number.isInteger(packet.id)) return false;
  return packet.type <= PacketType.CONNECT_ERROR && isDataValid(packet.type, packet.data);
}

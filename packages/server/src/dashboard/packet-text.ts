/*
 * Packets of a tap, as text.
 * Knows: how Socket.IO packets look on the wire, and their secrets.
 * Must not know: sessions, viewers, how payloads are redacted.
 */
import { type AttachmentKeys, isSecretName, type Redaction } from "./redaction.ts";
import type { TappedPacket } from "./wire.ts";

/** Longer messages are not parsed. */
const MOST_PARSED = 16_384;
/** The longest body, in characters. */
const MOST_SHOWN = 1000;
/** Acknowledgements that are remembered. */
const MOST_REMEMBERED = 256;
/** Attachments of a packet that may be shown. */
const MOST_ATTACHMENTS = 64;

const PACKET_NAMES = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"] as const;

/** A packet of the engine. */
export interface EnginePart {
  readonly type: string;
  readonly data?: string | Buffer | undefined;
}

/** The parts of a packet of Socket.IO 5, or 4: type, attachments, namespace, id of the acknowledgement, payload. */
const SOCKET_PACKET = /^([0-6])(?:(\d{1,9})-)?(?:(\/[^,]{0,200}),?)?(\d{0,16})([^]*)$/;

interface PacketHead {
  readonly direction: Direction;
  readonly type: string;
  readonly name: string;
  readonly id: string;
}

type Described = Pick<TappedPacket, "head" | "body">;

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Returns the name of a namespace without the query that clients of Socket.IO 2 may add. */
function namespaceOf(name: string, redaction: Redaction): string {
  const [bare = ""] = name.split("?", 1);
  return bare === "" ? "/" : redaction.name(bare);
}

/** A message in another encoding, or a malformed one. */
function unknownText(text: string): Described {
  return { head: "MESSAGE", body: `text(${text.length})` };
}

type Direction = TappedPacket["direction"];

/** The key of an acknowledgement. It comes in the direction opposite to that of its event. */
const keyOfAsked = (direction: Direction, namespace: string, id: string): string => `${direction} ${namespace},${id}`;
const OPPOSITE = { in: "out", out: "in" } as const;

/** Describes the packets of a connection, as far as viewers may see them. What depends on a packet not seen is not shown. */
export class PacketTexts {
  readonly #redaction: Redaction;
  readonly #isBuiltIn: boolean;
  /** The keys of the attachments that follow; undefined for hidden ones. */
  readonly #attachments: Record<Direction, Array<string | undefined>> = { in: [], out: [] };
  /** Acknowledgements of events that are not named after a secret, the oldest first. */
  readonly #asked = new Set<string>();

  /** @param isBuiltIn whether the server uses the parser of Socket.IO: payloads of others can't be redacted */
  constructor(redaction: Redaction, isBuiltIn: boolean) {
    this.#redaction = redaction;
    this.#isBuiltIn = isBuiltIn;
  }

  describe(direction: Direction, { type, data }: EnginePart): Described & Pick<TappedPacket, "bytes"> {
    const bytes = data === undefined ? 0 : Buffer.byteLength(data);
    if (type !== "message") return { head: type.toUpperCase(), body: "", bytes };
    if (data === undefined) return { head: "MESSAGE", body: "", bytes };
    const { head, body } =
      typeof data === "string"
        ? this.#describeText(direction, data)
        : { head: "BINARY", body: this.#describeBytes(direction, data) };
    return { head, body: body.length > MOST_SHOWN ? `${body.slice(0, MOST_SHOWN)}…` : body, bytes };
  }

  /** A packet was left out. */
  skip(direction: Direction): void {
    this.#attachments[direction] = [];
  }

  #describeBytes(direction: Direction, bytes: Buffer): string {
    if (!this.#isBuiltIn) return `binary(${bytes.length})`;
    return this.#redaction.attachment(bytes, this.#attachments[direction].shift());
  }

  #describeText(direction: Direction, text: string): Described {
    this.#attachments[direction] = [];
    const [, digit, count = "0", name = "", id = "", payload = ""] =
      (this.#isBuiltIn ? SOCKET_PACKET.exec(text.slice(0, MOST_PARSED)) : null) ?? [];
    if (digit === undefined) return unknownText(text);
    const type = PACKET_NAMES[Number(digit)] ?? "MESSAGE";
    const head = `${type} ${namespaceOf(name, this.#redaction)}${id === "" ? "" : ` ${id}`}`;
    // Credentials, and the key to a recovered session.
    if (type === "CONNECT") return { head, body: "(hidden)" };
    if (payload === "") return { head, body: "" };
    const value = text.length > MOST_PARSED ? undefined : parsedJson(payload);
    if (value === undefined) return { head, body: `text(${payload.length})` };
    const keys: AttachmentKeys = new Map();
    const described = this.#describeValue({ direction, type, name, id }, value, keys);
    const expected = Math.min(Number(count), MOST_ATTACHMENTS);
    this.#attachments[direction] = Array.from({ length: expected }, (_, number) => keys.get(number));
    return { head: head + described.head, body: described.body };
  }

  #describeValue({ direction, type, name, id }: PacketHead, value: unknown, keys: AttachmentKeys): Described {
    const redaction = this.#redaction;
    if (type.endsWith("ACK") && !this.#asked.delete(keyOfAsked(OPPOSITE[direction], name, id)))
      return { head: "", body: redaction.unknown(value) };
    if (!Array.isArray(value)) return { head: "", body: redaction.value(value, keys) };
    const [event, ...args] = value as readonly unknown[];
    if (!type.endsWith("EVENT") || typeof event !== "string") return { head: "", body: redaction.value(value, keys) };
    if (id !== "" && !isSecretName(event)) this.#remember(keyOfAsked(direction, name, id));
    return { head: ` ${redaction.name(event)}`, body: redaction.args(event, args, keys) };
  }

  #remember(key: string): void {
    const [oldest] = this.#asked;
    if (oldest !== undefined && this.#asked.size >= MOST_REMEMBERED) this.#asked.delete(oldest);
    this.#asked.add(key);
  }
}

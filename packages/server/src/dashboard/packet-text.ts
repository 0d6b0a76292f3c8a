/*
 * Packets of a tap, as text.
 * Knows: how Socket.IO packets look on the wire, and their secrets.
 * Must not know: sessions, viewers, how payloads are redacted.
 */
import type { Redaction } from "./redaction.ts";
import type { TappedPacket } from "./wire.ts";

/** Longer messages are not parsed. */
const MOST_PARSED = 16_384;
/** The longest body, in characters. */
const MOST_SHOWN = 1000;

const PACKET_NAMES = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"] as const;

/** A packet of the engine. */
export interface EnginePart {
  readonly type: string;
  readonly data?: string | Buffer | undefined;
}

/** The parts of a packet of Socket.IO 5, or 4: type, attachments, namespace, id of the acknowledgement, payload. */
const SOCKET_PACKET = /^([0-6])(?:\d{1,9}-)?(?:(\/[^,]{0,200}),?)?(\d{0,16})([^]*)$/;

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

function describeText(text: string, redaction: Redaction, isBuiltIn: boolean): Described {
  const [, digit, name = "", id = "", payload = ""] =
    (isBuiltIn ? SOCKET_PACKET.exec(text.slice(0, MOST_PARSED)) : null) ?? [];
  if (digit === undefined) return unknownText(text);
  const type = PACKET_NAMES[Number(digit)] ?? "MESSAGE";
  const head = `${type} ${namespaceOf(name, redaction)}${id === "" ? "" : ` ${id}`}`;
  // Credentials, and the key to a recovered session.
  if (type === "CONNECT") return { head, body: "(hidden)" };
  if (payload === "") return { head, body: "" };
  const value = text.length > MOST_PARSED ? undefined : parsedJson(payload);
  if (value === undefined) return { head, body: `text(${payload.length})` };
  if (!Array.isArray(value)) return { head, body: redaction.value(value) };
  const [event, ...args] = value as readonly unknown[];
  if (!type.endsWith("EVENT") || typeof event !== "string") return { head, body: redaction.value(value) };
  return { head: `${head} ${redaction.name(event)}`, body: redaction.args(event, args) };
}

/** Describes a packet, as far as viewers may see it. */
export function describePacket(
  { type, data }: EnginePart,
  redaction: Redaction,
  /** Whether the server uses the parser of Socket.IO: payloads of others can't be redacted. */
  isBuiltIn: boolean,
): Described & Pick<TappedPacket, "bytes"> {
  const bytes = data === undefined ? 0 : Buffer.byteLength(data);
  if (type !== "message") return { head: type.toUpperCase(), body: "", bytes };
  if (data === undefined) return { head: "MESSAGE", body: "", bytes };
  const { head, body } =
    typeof data === "string"
      ? describeText(data, redaction, isBuiltIn)
      : { head: "BINARY", body: isBuiltIn ? redaction.bytes(data) : `binary(${data.length})` };
  return { head, body: body.length > MOST_SHOWN ? `${body.slice(0, MOST_SHOWN)}…` : body, bytes };
}

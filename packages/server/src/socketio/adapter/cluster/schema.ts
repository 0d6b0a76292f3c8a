import { PacketType } from "@portage/parser/socket";
import { SERVER_RESERVED_EVENTS } from "../../report/errors.ts";
import { MessageType } from "./messages.ts";

// What comes from a bus was made by another program, perhaps of another version. It is looked at before it is used.

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Names of rooms, or ids. Programs without types use numbers, too. */
function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isText(item) || typeof item === "number");
}

function isOptions(value: unknown): boolean {
  if (!isRecord(value)) return false;
  // No rooms mean everybody: that must have been said.
  const { rooms, except, flags = {} } = value;
  return isList(rooms) && isList(except) && isRecord(flags);
}

function isEvent(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && (isText(value[0]) || typeof value[0] === "number");
}

function isEventPacket(value: unknown): boolean {
  if (!isRecord(value)) return false;
  return (value["type"] === PacketType.EVENT || value["type"] === PacketType.BINARY_EVENT) && isEvent(value["data"]);
}

function isSocketDetails(value: unknown): boolean {
  return isRecord(value) && isText(value["id"]) && isList(value["rooms"]);
}

/** Each field that a message of a type must have, and how it must look. */
const SCHEMA = new Map<unknown, Readonly<Record<string, (value: unknown) => boolean>>>([
  [MessageType.INITIAL_HEARTBEAT, {}],
  [MessageType.HEARTBEAT, {}],
  [MessageType.ADAPTER_CLOSE, {}],
  [MessageType.BROADCAST, { opts: isOptions, packet: isEventPacket, requestId: orNone(isText) }],
  [MessageType.SOCKETS_JOIN, { opts: isOptions, rooms: isList }],
  [MessageType.SOCKETS_LEAVE, { opts: isOptions, rooms: isList }],
  [MessageType.DISCONNECT_SOCKETS, { opts: isOptions }],
  [MessageType.FETCH_SOCKETS, { opts: isOptions, requestId: isText }],
  [MessageType.SERVER_SIDE_EMIT, { packet: isServerEvent, requestId: orNone(isText) }],
  [MessageType.FETCH_SOCKETS_RESPONSE, { requestId: isText, sockets: isListOfSockets }],
  [MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId: isText }],
  [MessageType.BROADCAST_CLIENT_COUNT, { requestId: isText, clientCount: isCount }],
  [MessageType.BROADCAST_ACK, { requestId: isText }],
]);

function orNone(check: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || check(value);
}

/** An event that a server may send to others: not one that this library emits itself. */
function isServerEvent(value: unknown): boolean {
  return isEvent(value) && !SERVER_RESERVED_EVENTS.has(value[0]);
}

function isListOfSockets(value: unknown): boolean {
  return Array.isArray(value) && value.every(isSocketDetails);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * What is wrong with something that came from the bus, in words; undefined when nothing is. A type that is not known is no
 * fault: it may be of a later version.
 */
export function faultOf(message: unknown): string | undefined {
  if (!isRecord(message)) return "it is no object";
  const { type, uid, data = {} } = message;
  const schema = SCHEMA.get(type);
  if (schema === undefined) return typeof type === "number" ? undefined : "its type is no number";
  if (!isText(uid)) return "its uid is no text";
  if (!isRecord(data)) return "its data are no object";
  for (const field in schema) {
    const value = Object.hasOwn(data, field) ? data[field] : undefined;
    if (!schema[field]?.(value)) return `of type ${String(type)}, its ${field} is not as it must be`;
  }
  return undefined;
}

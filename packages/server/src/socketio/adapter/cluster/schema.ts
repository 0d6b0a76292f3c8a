import { PacketType } from "@portage/parser/socket";
import { SERVER_RESERVED_EVENTS } from "../../report/errors.ts";
import { MessageType } from "./messages.ts";

// Messages on a bus come from other programs and other versions, so they are validated before use.

type MessageFields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is MessageFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Whether a value is a list of rooms or ids. Untyped programs use numbers as well. */
function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isText(item) || typeof item === "number");
}

function isOptions(value: unknown): boolean {
  if (!isRecord(value)) return false;
  // Required, since an empty list means all sockets.
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

/** The fields of each type of message, with their checks. */
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

/** Whether a value is an event that servers may send to each other, so not an event of the library. */
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
 * Returns the fault of a message as a phrase; undefined when it is valid. An unknown type is valid, since a later version
 * may have added it.
 */
export function faultOf(message: unknown): string | undefined {
  if (!isRecord(message)) return "it is not an object";
  const { type, uid, data = {} } = message;
  const schema = SCHEMA.get(type);
  if (schema === undefined) return typeof type === "number" ? undefined : "its type is not a number";
  if (!isText(uid)) return "its uid is not a string";
  if (!isRecord(data)) return "its data is not an object";
  for (const field in schema) {
    const value = Object.hasOwn(data, field) ? data[field] : undefined;
    if (!schema[field]?.(value)) return `its ${field} is invalid (type ${String(type)})`;
  }
  return undefined;
}

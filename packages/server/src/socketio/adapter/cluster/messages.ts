/*
 * Adapters for several servers: requests and answers on a bus, validation, signatures, heartbeats.
 * Knows: the in-memory adapter, the shape of each message.
 * Must not know: what the bus is made of.
 */
import type { BroadcastFlags, BroadcastOptions, Room } from "../adapter.ts";

/** The id of a server in its cluster. */
export type ServerId = string;
/** The position of a message on a bus that stores messages. */
export type Offset = string;

/** The types of messages on the bus, numbered as in the npm package `socket.io-adapter`: both may share a bus. */
export const MessageType = {
  INITIAL_HEARTBEAT: 1,
  HEARTBEAT: 2,
  BROADCAST: 3,
  SOCKETS_JOIN: 4,
  SOCKETS_LEAVE: 5,
  DISCONNECT_SOCKETS: 6,
  FETCH_SOCKETS: 7,
  FETCH_SOCKETS_RESPONSE: 8,
  SERVER_SIDE_EMIT: 9,
  SERVER_SIDE_EMIT_RESPONSE: 10,
  BROADCAST_CLIENT_COUNT: 11,
  BROADCAST_ACK: 12,
  ADAPTER_CLOSE: 13,
} as const;

export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** The types of the members, as in an enum: `MessageType.BROADCAST`. */
export declare namespace MessageType {
  type INITIAL_HEARTBEAT = 1;
  type HEARTBEAT = 2;
  type BROADCAST = 3;
  type SOCKETS_JOIN = 4;
  type SOCKETS_LEAVE = 5;
  type DISCONNECT_SOCKETS = 6;
  type FETCH_SOCKETS = 7;
  type FETCH_SOCKETS_RESPONSE = 8;
  type SERVER_SIDE_EMIT = 9;
  type SERVER_SIDE_EMIT_RESPONSE = 10;
  type BROADCAST_CLIENT_COUNT = 11;
  type BROADCAST_ACK = 12;
  type ADAPTER_CLOSE = 13;
}

/** {@link BroadcastOptions} with arrays instead of sets, for the bus. */
export interface EncodedOptions {
  rooms: Room[];
  except: Room[];
  flags: BroadcastFlags;
}

/** A message without its sender and namespace. */
export type ClusterMessageBody =
  | { type: MessageType.INITIAL_HEARTBEAT | MessageType.HEARTBEAT | MessageType.ADAPTER_CLOSE }
  | { type: MessageType.BROADCAST; data: { opts: EncodedOptions; packet: unknown; requestId?: string } }
  | {
      type: MessageType.SOCKETS_JOIN | MessageType.SOCKETS_LEAVE;
      data: { opts: EncodedOptions; rooms: Room[] };
    }
  | { type: MessageType.DISCONNECT_SOCKETS; data: { opts: EncodedOptions; close?: boolean } }
  | { type: MessageType.FETCH_SOCKETS; data: { opts: EncodedOptions; requestId: string } }
  | { type: MessageType.SERVER_SIDE_EMIT; data: { requestId?: string; packet: unknown[] } };

/** A message to all other servers. */
export type ClusterMessage = { uid: ServerId; nsp: string } & ClusterMessageBody;

/** A response without its sender and namespace. */
export type ClusterResponseBody =
  | { type: MessageType.FETCH_SOCKETS_RESPONSE; data: { requestId: string; sockets: unknown[] } }
  | { type: MessageType.SERVER_SIDE_EMIT_RESPONSE; data: { requestId: string; packet: unknown } }
  | { type: MessageType.BROADCAST_CLIENT_COUNT; data: { requestId: string; clientCount: number } }
  | { type: MessageType.BROADCAST_ACK; data: { requestId: string; packet: unknown } };

/** A message to the server that asked. */
export type ClusterResponse = { uid: ServerId; nsp: string } & ClusterResponseBody;

/** Converts options for the bus. */
export function encodeOptions({ rooms, except = new Set(), flags = {} }: BroadcastOptions): EncodedOptions {
  return { rooms: [...rooms], except: [...except], flags };
}

/** Converts options from the bus. */
export function decodeOptions({ rooms, except, flags }: Partial<EncodedOptions>): BroadcastOptions {
  return { rooms: new Set(rooms), except: new Set(except), flags: flags ?? {} };
}

/** Returns the details of a socket that other servers get. */
export function describeSocket(socket: unknown): unknown {
  const { id, handshake, rooms, data } = socket as Record<string, unknown>;
  // express-session leaves a store in the handshake, which is large and can't be encoded.
  const { sessionStore: _store, ...plain } = { ...(handshake as object) } as { sessionStore?: unknown };
  return { id, handshake: plain, rooms: [...(rooms as Set<Room>)], data };
}

import type { EventEmitter } from "node:events";
import type { SlowPolicy } from "../../engine/index.ts";
import type { Untyped } from "../events/typed-events.ts";
import type { AdapterNamespace, AdapterPacket, Room, SocketId } from "./surface.ts";

export type { Room, SocketId };

/** The secret with which a client takes its session up again. */
export type PrivateSessionId = string;

/** How a broadcast is to be sent. */
export interface BroadcastFlags {
  /** Skip those who can't take it right now. */
  volatile?: boolean | undefined;
  /** Whether it may be compressed. Default: true. */
  compress?: boolean | undefined;
  /** Only clients of this server. */
  local?: boolean | undefined;
  broadcast?: boolean | undefined;
  binary?: boolean | undefined;
  /** Time to acknowledge, in milliseconds. */
  timeout?: number | undefined;
  /** While it waits for a peer, an event with the same key takes its place. */
  conflate?: string | undefined;
  /** What becomes of it where the peer reads too slowly, in place of the socket's policy. */
  ifSlow?: SlowPolicy | undefined;
  /** The answer of one socket is wanted, not an array of answers. */
  expectSingleResponse?: boolean | undefined;
}

/** Who gets a broadcast: the members of `rooms` (everybody, when empty) less the members of `except`. */
export interface BroadcastOptions {
  rooms: Set<Room>;
  except?: Set<Room>;
  flags?: BroadcastFlags;
}

/** What an adapter keeps of a socket that may come back. */
export interface SessionToPersist {
  sid: SocketId;
  pid: PrivateSessionId;
  rooms: Room[];
  data: unknown;
}

/** A session that came back, with the events that its client has missed. */
export type Session = SessionToPersist & { missedPackets: unknown[][] };

/**
 * What a namespace asks of its adapter: who is in which room, and how a packet gets to all of them. The adapters of the
 * npm package `socket.io-adapter`, and all that extend them, fulfil it.
 */
export interface Adapter extends EventEmitter {
  readonly nsp: AdapterNamespace;
  rooms: Map<Room, Set<SocketId>>;
  sids: Map<SocketId, Set<Room>>;
  init(): Promise<void> | void;
  close(): Promise<void> | void;
  serverCount(): Promise<number>;
  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void;
  del(id: SocketId, room: Room): Promise<void> | void;
  delAll(id: SocketId): void;
  broadcast(packet: AdapterPacket, opts: BroadcastOptions): Promise<void> | void;
  broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void;
  sockets(rooms: Set<Room>): Promise<Set<SocketId>>;
  socketRooms(id: SocketId): Set<Room> | undefined;
  /** Sockets of this server, and details of others: `any`, because each adapter and each program has a type of its own. */
  fetchSockets(opts: BroadcastOptions): Promise<Untyped[]>;
  addSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> | void;
  delSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> | void;
  disconnectSockets(opts: BroadcastOptions, close: boolean): Promise<void> | void;
  serverSideEmit(packet: unknown[]): Promise<void> | void;
  persistSession(session: SessionToPersist): Promise<void> | void;
  restoreSession(pid: PrivateSessionId, offset: string): Promise<Session | null>;
}

/**
 * A class, or a function that makes the adapter of a namespace; both are called with `new`. `any`, because programs write
 * the type of a namespace there that theirs needs.
 */
export type AdapterConstructor = (new (nsp: Untyped) => Adapter) | ((nsp: Untyped) => Adapter);

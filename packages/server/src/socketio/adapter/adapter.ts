import type { EventEmitter } from "node:events";
import type { SlowPolicy } from "../../engine/index.ts";
import type {
  kAnswers,
  kCollectAnswers,
  kEndSession,
  kFinishSending,
  kOneSocket,
  kOpenSession,
  kResumeSession,
  kSendInOrder,
  kWhenTaken,
} from "../keys.ts";
import type { AnswerRecord, AnswerWindow } from "../recovery/answers.ts";
import type { SocketIoError } from "../report/errors.ts";
import type { Untyped } from "../events/typed-events.ts";
import type { AdapterNamespace, AdapterPacket, AdapterSocket, Room, SocketId } from "./surface.ts";

export type { Room, SocketId };

/** The secret by which a client resumes its session. */
export type PrivateSessionId = string;

/** The flags of one broadcast. */
export interface BroadcastFlags {
  /** Drops the event for each client that can't get it at once. Default: false. */
  volatile?: boolean | undefined;
  /** Whether the event may be compressed. Default: true. */
  compress?: boolean | undefined;
  /** Sends to the clients of this server alone. Default: false. */
  local?: boolean | undefined;
  /** Accepted as in socket.io. Has no effect. */
  broadcast?: boolean | undefined;
  /** Accepted as in socket.io. Has no effect. */
  binary?: boolean | undefined;
  /** Time that clients have to acknowledge, in milliseconds. */
  timeout?: number | undefined;
  /** A later event with the same key replaces this one while it is still queued. */
  conflate?: string | undefined;
  /** Overrides the policies of sockets for clients that read too slowly. */
  ifSlow?: SlowPolicy | undefined;
  /** Makes the acknowledgement a single answer instead of an array of answers. */
  expectSingleResponse?: boolean | undefined;
}

/** The receivers of a broadcast: the members of `rooms` (all sockets, when empty) without the members of `except`. */
export interface BroadcastOptions {
  /** The addressed rooms; all sockets, when empty. */
  rooms: Set<Room>;
  /** The rooms that are left out. Default: none. */
  except?: Set<Room>;
  /** The flags of the broadcast. Default: none. */
  flags?: BroadcastFlags;
  /** @internal The receiver is one socket of this server, and `rooms` has its id alone. */
  [kOneSocket]?: true;
}

/** The state of a socket that an adapter stores so that its client can resume. */
export interface SessionToPersist {
  /** The id of the socket. */
  sid: SocketId;
  /** The secret id by which its client returns. */
  pid: PrivateSessionId;
  /** Its rooms. */
  rooms: Room[];
  /** Its `data`. */
  data: unknown;
  /** The events that its client may repeat, with their answers. Plain data; missing for clients that do not repeat events. */
  readonly answers?: AnswerRecord | undefined;
  /** @internal The same, for a client that returns to this process. */
  readonly [kAnswers]?: AnswerWindow | undefined;
}

/** A resumed session, with the events that its client missed. */
export type RestoredSession = SessionToPersist & { missedPackets: unknown[][] };

/**
 * The contract between a namespace and its adapter: room membership, and delivery to the members. The adapters of the npm
 * package `socket.io-adapter`, and all classes that extend them, fulfil it.
 */
export interface Adapter extends EventEmitter {
  readonly nsp: AdapterNamespace;
  [kSendInOrder]?: HoldingAdapter[typeof kSendInOrder];
  [kFinishSending]?: HoldingAdapter[typeof kFinishSending];
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
  /** Sockets of this server, details of the others. `any`, because each adapter and each program has its own type. */
  fetchSockets(opts: BroadcastOptions): Promise<Untyped[]>;
  addSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> | void;
  delSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> | void;
  disconnectSockets(opts: BroadcastOptions, close: boolean): Promise<void> | void;
  serverSideEmit(packet: unknown[]): Promise<void> | void;
  persistSession(session: SessionToPersist): Promise<void> | void;
  restoreSession(pid: PrivateSessionId, offset: string): Promise<RestoredSession | null>;
}

/** Ends the collection of answers to a broadcast: an error if some are missing, and the answers. */
export type OnCollected = (error: Error | null, answers: readonly unknown[]) => void;

/** An adapter that collects the answers to a broadcast itself, because it knows the nodes that have to answer. */
export interface CollectingAdapter {
  /** Sends a packet that asks for acknowledgements, and sets its id. `ms`: time to answer, in milliseconds. */
  [kCollectAnswers](packet: AdapterPacket, opts: BroadcastOptions, ms: number, onCollected: OnCollected): void;
}

/** A socket whose session an adapter records. */
export interface RecordedSocket {
  /** Its id. */
  readonly id: SocketId;
  /** The secret id by which its client returns. */
  readonly pid: PrivateSessionId;
  /** Its `data`. */
  readonly data: unknown;
  /** See {@link SessionToPersist}, as of now. */
  readonly answers?: AnswerRecord | undefined;
}

/** An adapter that delivers the events of this server later, in an order that all servers share. */
export interface HoldingAdapter {
  /** Calls `send` once the events that this server has emitted before are delivered: now, or later. `sid`: the only socket that it concerns. */
  [kSendInOrder](send: () => void, sid?: SocketId): void;
  /** Sends a socket, which is about to be disconnected, what is held for it. */
  [kFinishSending](socket: AdapterSocket): void;
}

/** An adapter that resumes sessions without an offset, and says why it can't. */
export interface ResumingAdapter {
  /** Resolves with a session, or with the error that says why not. `offset`: empty if the client has received no event. */
  [kResumeSession](pid: PrivateSessionId, offset: string): Promise<RestoredSession | SocketIoError>;
}

/** An adapter that has sessions until other processes fetch them. */
export interface KeepingAdapter {
  /** Resolves when other processes have all sessions and answers that they may ask for, or after this many milliseconds. */
  [kWhenTaken](ms: number): Promise<void>;
}

/** An adapter that records sessions while their sockets are connected. */
export interface RecordingAdapter {
  /** A socket is connected, and about to join the room of its id. */
  [kOpenSession](socket: RecordedSocket): void;
  /** A session is over, unless it was persisted before. */
  [kEndSession](pid: PrivateSessionId): void;
}

/**
 * A class, or a function that makes the adapter of a namespace; both are called with `new`. `any`, because programs put
 * their own type of namespace there.
 */
export type AdapterConstructor = (new (nsp: Untyped) => Adapter) | ((nsp: Untyped) => Adapter);

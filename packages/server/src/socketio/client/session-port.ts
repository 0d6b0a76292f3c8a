/*
 * One connection and the namespaces that it joins: incoming and outgoing packets, credentials, refusals.
 * Knows: sessions of the engine, or of another engine, and sockets.
 * Must not know: rooms and broadcasts.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import {
  type CloseReason,
  type Congestion,
  isSession,
  type PreparedMessage,
  type SendFlags,
  type Session,
  type SessionHandler,
  type SessionHost,
  kCongestion,
  type kEnqueue,
  type kFailSession,
  kSetSessionHandler,
  type kOnEngineLimit,
  type kPeekRequest,
  type kReceiving,
  kSendPrepared,
  kTakeEnd,
  kTakeError,
  kTakeMessage,
  type kWatchQueue,
} from "../../engine/index.ts";
import { createLog } from "../../base/log.ts";
import type { RawData } from "../packets/codec.ts";
import { DISCONNECT_CODES, type DisconnectCode } from "../report/close-codes.ts";

const log = createLog("socket.io:client");

/** A session, as its client uses it. */
export interface SessionPort {
  readonly id: string;
  /** Whether a message would leave at once. */
  readonly writable: boolean;
  /** The backpressure of a client that may be slow; undefined if events need no checks. */
  readonly [kCongestion]: Congestion | undefined;
  [kSetSessionHandler](handler: PortHandler): void;
  write(data: RawData, options?: SendFlags): unknown;
  /** Sends a message that several sessions share. */
  [kSendPrepared](message: PreparedMessage): unknown;
  /** Closes the session gracefully. The client gets the reason. */
  close(discard: boolean, why: CloseReason | undefined): unknown;

  // ---- missing in sessions of another engine -----------------------------------------------------------------------

  /** Counts limits, and the bytes of incomplete messages. */
  readonly server?: Pick<SessionHost, typeof kOnEngineLimit | typeof kReceiving>;
  /** Returns the request that opened the session without unparking it; null if the program has deleted it. */
  [kPeekRequest]?(): IncomingMessage | null;
  /** Queues a packet of the engine. */
  [kEnqueue]?(type: "noop", data: string): unknown;
  /** Returns the backpressure of this session. */
  [kWatchQueue]?(): Congestion;
  /** Ends the session at once. */
  [kFailSession]?(why: CloseReason): void;
}

/** A client, as its session sees it. */
export interface PortHandler extends SessionHandler {
  /** Handles a failure of the session that has no close code. */
  [kTakeError](error: unknown): void;
  /** Handles the end of the session, for a reason of our engine or of another. */
  [kTakeEnd](reason: CloseReason<string>): void;
}

/** A socket of another engine that `io.bind(engine)` has added. */
interface ForeignSocket extends EventEmitter {
  readonly id: string;
  readonly transport: { readonly writable: boolean };
  write(data: RawData, options: { compress?: boolean | undefined }): unknown;
  close(): unknown;
}

/** Adapts a socket of another engine, which emits events, to the port of our sessions. */
class ForeignEnginePort implements SessionPort {
  readonly #socket: ForeignSocket;
  /** Other engines bound their own queues, or not at all. */
  readonly [kCongestion]: undefined = undefined;

  constructor(socket: ForeignSocket) {
    this.#socket = socket;
  }

  get id(): string {
    return this.#socket.id;
  }

  get writable(): boolean {
    return this.#socket.transport.writable;
  }

  [kSetSessionHandler](handler: PortHandler): void {
    this.#socket.on("data", (data: RawData) => handler[kTakeMessage](data));
    this.#socket.on("error", (error: unknown) => handler[kTakeError](error));
    this.#socket.on("close", (reason: string, description: unknown) =>
      handler[kTakeEnd](foreignReason(reason, description)),
    );
  }

  write(data: RawData, options?: { compress?: boolean | undefined }): void {
    this.#socket.write(data, { compress: options?.compress !== false });
  }

  [kSendPrepared](message: PreparedMessage): void {
    for (const part of message.parts) this.write(part, message);
  }

  close(): void {
    this.#socket.close();
  }
}

function foreignReason(reason: string, description: unknown): CloseReason<string, DisconnectCode> {
  const code = "FOREIGN_ENGINE";
  const { side, message } = DISCONNECT_CODES[code];
  return { reason, code, message, description, side };
}

/** Returns the port of a session. A session of our engine is its own port. */
export function portTo(conn: Session): SessionPort {
  if (isSession(conn)) return conn;
  const socket: ForeignSocket = conn;
  if (log.enabled) log("session %s is one of another engine", socket.id);
  return new ForeignEnginePort(socket);
}

/*
 * One connection and the namespaces that it joins: packets in, packets out, credentials, refusals.
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

/** What a client does with its session. */
export interface SessionPort {
  readonly id: string;
  /** Whether a message sent now would leave at once. */
  readonly writable: boolean;
  /** Whether events must be looked at one by one, because the peer may be slow. Undefined: they need not. */
  readonly [kCongestion]: Congestion | undefined;
  [kSetSessionHandler](handler: PortHandler): void;
  write(data: RawData, options?: SendFlags): unknown;
  /** Sends what many get. */
  [kSendPrepared](message: PreparedMessage): unknown;
  /** Closes the session in an orderly way, for a reason that goes to its peer. */
  close(discard: boolean, why: CloseReason | undefined): unknown;

  // ---- what the sessions of another engine can't do ----------------------------------------------------------------

  /** Counts limits, and what messages hold that are not complete. */
  readonly server?: Pick<SessionHost, typeof kOnEngineLimit | typeof kReceiving>;
  /** Looks at the request that opened the session, which may stay parked. Null: the program has dropped it. */
  [kPeekRequest]?(): IncomingMessage | null;
  /** Knows whether the peer keeps up. */
  [kWatchQueue]?(): Congestion;
  /** Ends the session at once. */
  [kFailSession]?(why: CloseReason): void;
}

/** A client, seen from its session. */
export interface PortHandler extends SessionHandler {
  /** The session has failed in a way that is none of its own reasons to close. */
  [kTakeError](error: unknown): void;
  /** The session is over: for one of our reasons, or for one of another engine. */
  [kTakeEnd](reason: CloseReason<string>): void;
}

/** A socket of another engine, as `io.bind(engine)` brings it in. */
interface ForeignSocket extends EventEmitter {
  readonly id: string;
  readonly transport: { readonly writable: boolean };
  write(data: RawData, options: { compress?: boolean | undefined }): unknown;
  close(): unknown;
}

/** Lets the sockets of another engine, which talk by events, look like our sessions. */
class ForeignEnginePort implements SessionPort {
  readonly #socket: ForeignSocket;
  /** Another engine has bounds of its own, or none. */
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
  const [side, message] = DISCONNECT_CODES[code];
  return { reason, code, message, description, side };
}

/** A session of our engine is its own port: nothing lies between the two. */
export function portTo(conn: Session): SessionPort {
  if (isSession(conn)) return conn;
  const socket: ForeignSocket = conn;
  if (log.enabled) log("session %s is one of another engine", socket.id);
  return new ForeignEnginePort(socket);
}

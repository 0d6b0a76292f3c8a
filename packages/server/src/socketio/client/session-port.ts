/*
 * One connection and the namespaces that it joins: packets in, packets out, credentials, refusals.
 * Knows: sessions of the engine, or of another engine, and sockets.
 * Must not know: rooms and broadcasts.
 */
import type { EventEmitter } from "node:events";
import {
  type CloseReason,
  type Congestion,
  isSession,
  type PreparedMessage,
  type SendFlags,
  type Session,
  type SessionHandler,
  kCongestion,
  kHandle,
  kSendPrepared,
  kTakeEnd,
  kTakeError,
  kTakeMessage,
} from "../../engine/index.ts";
import type { RawData } from "../packets/codec.ts";
import { DISCONNECT_CODES, type DisconnectCode } from "../report/close-codes.ts";

/** What a client does with its session. */
export interface Link {
  /** Whether a message sent now would leave at once. */
  readonly writable: boolean;
  /** Whether events must be looked at one by one, because the peer may be slow. Undefined: they need not. */
  readonly [kCongestion]: Congestion | undefined;
  [kHandle](handler: LinkHandler): void;
  write(data: RawData, options?: SendFlags): unknown;
  /** @param options have gone into the making of the message; links that can't share it need them again */
  [kSendPrepared](message: PreparedMessage, options: { compress?: boolean | undefined }): unknown;
}

/** A client, seen from its session. */
export interface LinkHandler extends SessionHandler {
  /** The session has failed in a way that is none of its own reasons to close. */
  [kTakeError](error: unknown): void;
}

/** A socket of another engine, as `io.bind(engine)` brings it in. */
interface ForeignSocket extends EventEmitter {
  readonly transport: { readonly writable: boolean };
  write(data: RawData, options: { compress?: boolean | undefined }): unknown;
}

/** Lets the sockets of another engine, which talk by events, look like our sessions. */
class ForeignLink implements Link {
  readonly #socket: ForeignSocket;
  /** Another engine has bounds of its own, or none. */
  readonly [kCongestion]: undefined = undefined;

  constructor(socket: ForeignSocket) {
    this.#socket = socket;
  }

  get writable(): boolean {
    return this.#socket.transport.writable;
  }

  [kHandle](handler: LinkHandler): void {
    this.#socket.on("data", (data: RawData) => handler[kTakeMessage](data));
    this.#socket.on("error", (error: unknown) => handler[kTakeError](error));
    this.#socket.on("close", (reason: string, description: unknown) =>
      handler[kTakeEnd](foreignReason(reason, description)),
    );
  }

  write(data: RawData, options?: { compress?: boolean | undefined }): void {
    this.#socket.write(data, { compress: options?.compress !== false });
  }

  [kSendPrepared](message: PreparedMessage, options: { compress?: boolean | undefined }): void {
    for (const part of message.parts) this.write(part, options);
  }
}

function foreignReason(reason: string, description: unknown): CloseReason {
  const code = "FOREIGN_ENGINE" satisfies DisconnectCode;
  const [side, message] = DISCONNECT_CODES[code];
  // the reasons of another engine are not in the engine's own types
  return { reason, code, message, description, side } as CloseReason<string, string> as CloseReason;
}

/** Closes a session in an orderly way, for a reason that goes to its peer. */
export function endWith(conn: Session, why: CloseReason | undefined): void {
  if (isSession(conn)) conn.close(false, why);
  else (conn as Session).close();
}

/** The link to a session of our engine is the session itself. */
export function linkTo(conn: Session): Link {
  return isSession(conn) ? conn : new ForeignLink(conn);
}

/*
 * What this layer says: codes and sentences of closes, limits and errors.
 * Knows: the tables of the engine, to which it adds its own.
 * Must not know: sockets, namespaces, and how a connection comes to its end.
 */
import {
  CLOSE_CODES as ENGINE_CLOSE_CODES,
  closeKind,
  closeRecord,
  type CloseReason,
  type CloseSide,
  defineCloseCodes,
  limitRecord,
} from "../../engine/index.ts";

/** Every way in which a session can end: those of the engine, and those for which this layer ends it. */
export const CLOSE_CODES = {
  ...ENGINE_CLOSE_CODES,
  ...defineCloseCodes({
    TOO_MANY_EVENTS: closeKind(
      "transport error",
      "client",
      1008,
      "the client sent more events than maxEventsPerSecond allows",
    ),
    ATTACHMENTS_LATE: closeKind(
      "transport error",
      "client",
      1008,
      "the client announced attachments and did not send them within attachmentTimeout",
    ),
    INVALID_MESSAGE: closeKind(
      "forced close",
      "client",
      1002,
      "the client sent something that is not a Socket.IO packet",
    ),
    UNEXPECTED_MESSAGE: closeKind("forced close", "client", 1002, "the client sent a Socket.IO packet out of place"),
    NO_NAMESPACE: closeKind("forced close", "server", 1008, "the client joined no namespace within connectTimeout"),
  }),
};

export type CloseCode = keyof typeof CLOSE_CODES;

/** Makes the record of a close that needs no more than its code and, sometimes, a cause. */
export function closeReason(code: CloseCode, description?: unknown): CloseReason {
  return closeRecord(CLOSE_CODES, code, description);
}

/** Makes the record of a close for a limit that was exceeded. */
export function limitExceeded(code: CloseCode, limit: number, actual: number): CloseReason {
  return limitRecord(CLOSE_CODES, code, { limit, actual });
}

/** Ways for a socket to be disconnected while its connection goes on, or before it ends: code, side, sentence. */
export const DISCONNECT_CODES = {
  CLIENT_LEFT: ["client", "the client left the namespace"],
  SERVER_DISCONNECTED: ["server", "the server disconnected the client"],
  SERVER_SHUTDOWN: ["server", "the server is shutting down"],
  FOREIGN_ENGINE: ["network", "the engine that io.bind() was given ended the connection, for a reason of its own"],
  SESSION_RESUMED: ["client", "the client has come back on another connection, which takes this session up"],
} as const satisfies Record<string, readonly [CloseSide, string]>;

/** A code of `socket.closeReason`: one of a disconnection, or of a close. */
export type DisconnectCode = keyof typeof DISCONNECT_CODES | CloseCode;

/*
 * Codes and sentences of this layer: closes, limits and errors.
 * Knows: the tables of the engine, which it extends.
 * Must not know: sockets, namespaces, and how a connection ends.
 */
import {
  CLOSE_CODES,
  closeKind,
  closeRecord,
  type CloseReason,
  type CloseSide,
  defineCloseCodes,
  limitRecord,
} from "../../engine/index.ts";

/** All close codes of a session, the engine's and this layer's. */
export const ALL_CLOSE_CODES = {
  ...CLOSE_CODES,
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

export type AnyCloseCode = keyof typeof ALL_CLOSE_CODES;

/** Creates the record of a close from its code and, optionally, a cause. */
export function createCloseReason(code: AnyCloseCode, description?: unknown): CloseReason {
  return closeRecord(ALL_CLOSE_CODES, code, description);
}

/** Creates the record of a close for an exceeded limit. */
export function createLimitReason(code: AnyCloseCode, limit: number, actual: number): CloseReason {
  return limitRecord(ALL_CLOSE_CODES, code, { limit, actual });
}

/** Codes of disconnections that do not come from the end of a session: side and sentence. */
export const DISCONNECT_CODES = {
  CLIENT_LEFT: ["client", "the client left the namespace"],
  SERVER_DISCONNECTED: ["server", "the server disconnected the client"],
  SERVER_SHUTDOWN: ["server", "the server is shutting down"],
  FOREIGN_ENGINE: ["network", "the engine that io.bind() was given ended the connection, for a reason of its own"],
  SESSION_RESUMED: ["client", "the client has come back on another connection, which takes this session up"],
} as const satisfies Record<string, readonly [CloseSide, string]>;

/** The code in `socket.closeReason`: of a disconnection or a close. */
export type DisconnectCode = keyof typeof DISCONNECT_CODES | AnyCloseCode;

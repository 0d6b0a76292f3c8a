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
  type CodeText,
  defineCloseCodes,
  limitRecord,
  type Retry,
} from "../../engine/index.ts";

/** All close codes of a session, the engine's and this layer's. */
export const ALL_CLOSE_CODES = {
  ...CLOSE_CODES,
  ...defineCloseCodes({
    TOO_MANY_EVENTS: closeKind("transport error", "client", 1008, {
      message: "the client sent more than maxEventsPerSecond events per second",
      fix: "raise `maxEventsPerSecond`, or send fewer events",
      retry: "yes",
    }),
    ATTACHMENTS_LATE: closeKind("transport error", "client", 1008, {
      message: "the client did not send its attachments within attachmentTimeout",
      fix: "raise `attachmentTimeout` for slow networks",
      retry: "yes",
    }),
    INVALID_MESSAGE: closeKind("forced close", "client", 1002, {
      message: "the client sent a malformed Socket.IO packet; see `cause`",
      fix: "use the same parser on both sides; raise limits in `packetLimits`",
      retry: "no",
    }),
    UNEXPECTED_MESSAGE: closeKind("forced close", "client", 1002, {
      message: "the client sent a Socket.IO packet at a wrong time",
      fix: "use a Socket.IO client; it connects to a namespace first",
      retry: "no",
    }),
    NO_NAMESPACE: closeKind("forced close", "server", 1008, {
      message: "the client did not connect to a namespace within connectTimeout",
      fix: "raise `connectTimeout`, or speed up middlewares",
      retry: "yes",
    }),
  }),
};

export type SessionCloseCode = keyof typeof ALL_CLOSE_CODES;

/** Creates the record of a close from its code and, optionally, a cause. */
export function createCloseReason(code: SessionCloseCode, description?: unknown): CloseReason {
  return closeRecord(ALL_CLOSE_CODES, code, description);
}

/** Creates the record of a close for an exceeded limit. */
export function createLimitReason(code: SessionCloseCode, limit: number, actual: number): CloseReason {
  return limitRecord(ALL_CLOSE_CODES, code, { limit, actual });
}

/** A row of the table of disconnections. */
interface DisconnectKind extends CodeText {
  readonly side: CloseSide;
  readonly retry: Retry;
}

/** Codes of disconnections without the end of a session. */
export const DISCONNECT_CODES = {
  CLIENT_LEFT: {
    side: "client",
    message: "the client left the namespace",
    fix: "nothing, this is a normal end",
    retry: "yes",
  },
  SERVER_DISCONNECTED: {
    side: "server",
    message: "the server disconnected the client",
    fix: "nothing, the program called `disconnect()`",
    retry: "no",
  },
  SERVER_SHUTDOWN: {
    side: "server",
    message: "the server is shutting down",
    fix: "nothing, clients connect again later",
    retry: "later",
  },
  FOREIGN_ENGINE: {
    side: "network",
    message: "the engine of io.bind() ended the connection",
    fix: "look at the reports of that engine",
    retry: "yes",
  },
  SESSION_RESUMED: {
    side: "client",
    message: "the client resumed this session on another connection",
    fix: "nothing, the session continues there",
    retry: "no",
  },
} as const satisfies Record<string, DisconnectKind>;

/** The code in `socket.closeReason`: of a disconnection or a close. */
export type DisconnectCode = keyof typeof DISCONNECT_CODES | SessionCloseCode;

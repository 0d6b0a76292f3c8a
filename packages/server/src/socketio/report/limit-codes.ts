import { defineLimitCodes, LIMIT_CODES } from "../../engine/index.ts";

/** Limits that do not end a session, the engine's and this layer's, by code. */
export const ALL_LIMIT_CODES = {
  ...LIMIT_CODES,
  ...defineLimitCodes({
    /** Option `maxNamespaces`. */
    TOO_MANY_NAMESPACES: {
      message: "the client has reached maxNamespaces",
      fix: "raise `maxNamespaces`, or leave namespaces",
    },
    /** Option `maxAuthSize`. */
    AUTH_TOO_LARGE: {
      message: "the `auth` data of one connection exceeds maxAuthSize",
      fix: "send a short token, or raise `maxAuthSize`",
    },
    /** Option `maxDynamicNamespaces`. */
    TOO_MANY_DYNAMIC_NAMESPACES: {
      message: "the server has reached maxDynamicNamespaces, and all are in use",
      fix: "raise `maxDynamicNamespaces`, or accept fewer names in `io.of()`",
    },
    /** Option `maxRooms`. */
    TOO_MANY_ROOMS: { message: "the socket has reached maxRooms", fix: "raise `maxRooms`, or leave rooms" },
    /** Option `maxPendingAcks`. */
    TOO_MANY_ACKS: {
      message: "the socket has reached maxPendingAcks; the oldest is abandoned",
      fix: "raise `maxPendingAcks`, or use `timeout()`",
    },
  }),
};

export type SessionLimitCode = keyof typeof ALL_LIMIT_CODES;

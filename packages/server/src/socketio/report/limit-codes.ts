import { type CodeText, defineLimitCodes, LIMIT_CODES } from "../../engine/index.ts";

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

/** The options that bound stored sessions and packets. What exceeds them is dropped before it expires. */
export const RECOVERY_LIMITS = {
  maxSessions: {
    message: "a session to recover is dropped: maxSessions of connectionStateRecovery",
    fix: "raise `maxSessions`, or lower `maxDisconnectionDuration`",
  },
  maxPackets: {
    message: "a kept event is dropped: maxPackets of connectionStateRecovery",
    fix: "raise `maxPackets`, or send fewer events",
  },
  maxPacketBytes: {
    message: "a kept event is dropped: maxPacketBytes of connectionStateRecovery",
    fix: "raise `maxPacketBytes`, or send smaller events",
  },
} as const satisfies Record<string, CodeText>;

export type RecoveryLimit = keyof typeof RECOVERY_LIMITS;

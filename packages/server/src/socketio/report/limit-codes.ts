import { defineLimitCodes, LIMIT_CODES } from "../../engine/index.ts";

/** The sentences of limits that do not end a session, the engine's and this layer's, by code. */
export const ALL_LIMIT_CODES = {
  ...LIMIT_CODES,
  ...defineLimitCodes({
    /** Option `maxNamespaces`. */
    TOO_MANY_NAMESPACES: "the client has joined as many namespaces as one connection may",
    /** Option `maxAuthSize`. */
    AUTH_TOO_LARGE: "the credentials for all namespaces of the connection together are too large",
    /** Option `maxDynamicNamespaces`. */
    TOO_MANY_DYNAMIC_NAMESPACES: "as many namespaces as the server may have were made for clients, and none is empty",
    /** Option `maxRooms`. */
    TOO_MANY_ROOMS: "the socket is in as many rooms as it may be",
    /** Option `maxPendingAcks`. */
    TOO_MANY_ACKS: "the socket waits for as many acknowledgements as it may: the oldest is given up",
  }),
};

export type AnyLimitCode = keyof typeof ALL_LIMIT_CODES;

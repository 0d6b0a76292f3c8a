/**
 * Limits that are met without an end of the session: code, sentence. Those that end it are among `CLOSE_CODES`, and those
 * for which a request is turned away among `REFUSALS`.
 */
export const LIMIT_CODES = {
  /** Option `slowReader.soft`. */
  SLOW_READER: "the peer reads more slowly than it is sent to: more than slowReader.soft bytes wait for it",
  /** Option `slowReader.policy`, `socket.slowPolicy` or `ifSlow()`. */
  EVENT_DROPPED: "an event was dropped because the peer reads too slowly",
  /** `conflate()`. */
  EVENT_CONFLATED: "an event took the place of one with the same key that was still waiting",
  /** Option `slowReader.process`. */
  PROCESS_BUDGET: "more than slowReader.process bytes wait in this process for all peers together",
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
} as const;

export type LimitCode = keyof typeof LIMIT_CODES;

/** A limit was hit, as `limit` listeners of the engine and subscribers of `portage.limit` get it. */
export interface LimitHit {
  readonly code: LimitCode;
  /** A sentence for a human. */
  readonly message: string;
  /** The value of the option. */
  readonly limit: number;
  /** What it was about to be. */
  readonly actual: number;
  /** The session that was about to be beyond it. */
  readonly sid: string;
}

/** Which end of the connection this is: a client masks what it sends, a server must not (RFC 6455, 5.1). */
export type Role = "server" | "client";

/** What a peer may make this end hold or do. Each limit has a violation code in `violations.ts`. */
export interface Limits {
  /** Bytes of one message, all its fragments together. Default 1 MiB. Exceeded: close code 1009. */
  readonly maxPayload: number;
  /** Frames of one message. Default 1,024. Exceeded: close code 1008. */
  readonly maxFragments: number;
  /** Ping, pong and close frames received within one second. Default 100. Exceeded: close code 1008. */
  readonly maxControlFramesPerSecond: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxPayload: 1024 * 1024,
  maxFragments: 1024,
  maxControlFramesPerSecond: 100,
};

import { CodedError } from "../coded-error.ts";

/** Codes of an {@link EngineError}, with the start of each message. */
export const ENGINE_ERRORS = {
  /** Thrown by the constructor. */
  CONFLICTING_OPTIONS: "give either transports or transportImplementations",
  /** The server's first packet is not a handshake; another protocol or a proxy may have answered. `data`: the packet's text. */
  INVALID_HANDSHAKE: "invalid handshake",
  /** The server sent a malformed packet. `data`: the parser's description. */
  INVALID_PACKET: "server error",
  /** The message was not sent, see `refuseTooLarge`. `size` and `limit`: bytes. */
  MESSAGE_TOO_LARGE: "message too large",
  /** The session stays on its transport. `transport`: the candidate; `step`: its phase; `cause`: its error or close. */
  UPGRADE_FAILED: "probe error",
} as const;

export type EngineErrorCode = keyof typeof ENGINE_ERRORS;

/** An error outside of a transport. Further fields depend on the code, see {@link ENGINE_ERRORS}. */
export class EngineError extends CodedError<EngineErrorCode> {
  declare readonly data?: unknown;
  declare readonly size?: number;
  declare readonly limit?: number;
  declare readonly transport?: string;
  declare readonly step?: string;
  declare readonly cause?: unknown;
}

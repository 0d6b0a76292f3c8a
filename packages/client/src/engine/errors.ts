import { CodedError } from "../coded-error.ts";

/** Codes of an {@link EngineError}, and the beginning of its message. */
export const ENGINE_ERRORS = {
  /** Thrown by the constructor. */
  CONFLICTING_OPTIONS: "give either transports or transportImplementations",
  /** The first packet of the server is no handshake: another protocol, or a proxy that answers in its place. `data`: what came. */
  INVALID_HANDSHAKE: "invalid handshake",
  /** The server sent something that is no Engine.IO packet. */
  INVALID_PACKET: "server error",
  /** Nothing of the message was sent, see `refuseTooLarge`. `size` and `limit`: bytes. */
  MESSAGE_TOO_LARGE: "message too large",
  /** The session goes on where it was. `transport`: the candidate; `step`: the phase it was in; `cause`: what it reported. */
  UPGRADE_FAILED: "probe error",
} as const;

export type EngineErrorCode = keyof typeof ENGINE_ERRORS;

/** What went wrong outside of a transport. Further fields depend on the code, see {@link ENGINE_ERRORS}. */
export class EngineError extends CodedError<EngineErrorCode> {
  declare readonly data?: unknown;
  declare readonly size?: number;
  declare readonly limit?: number;
  declare readonly transport?: string;
  declare readonly step?: string;
  declare readonly cause?: unknown;
}

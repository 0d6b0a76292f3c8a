import { CodedError } from "../coded-error.ts";

/** Codes of an {@link EngineError}, with the start of each message. */
export const ENGINE_ERRORS = {
  /**
   * `transports` and `transportImplementations` exclude each other; the constructor throws.
   * Fix: remove one of the two options.
   */
  CONFLICTING_OPTIONS: "give either transports or transportImplementations",
  /**
   * The server's first packet is not a handshake; another protocol or a proxy may have answered. `data`: the packet's text.
   * Fix: correct the URL or `path`; `data` shows who answered.
   * Connect again: no.
   */
  INVALID_HANDSHAKE: "invalid handshake",
  /**
   * The server sent a malformed packet. `data`: the parser's description.
   * Fix: check proxies that change bodies or frames; read `data`.
   * Connect again: no.
   */
  INVALID_PACKET: "server error",
  /**
   * The message exceeds the server's limit and was not sent, see `refuseTooLarge`. `size` and `limit`: bytes.
   * Fix: split the message, or raise `maxHttpBufferSize` on the server.
   */
  MESSAGE_TOO_LARGE: "message too large",
  /**
   * An upgrade failed; the session stays on its transport. `transport`: the candidate; `step`: its phase; `cause`: why.
   * Fix: let proxies forward WebSockets; read `cause`, or run the doctor.
   */
  UPGRADE_FAILED: "probe error",
} as const;

/** A code of an {@link EngineError}. */
export type EngineErrorCode = keyof typeof ENGINE_ERRORS;

/** An error outside of a transport. Further fields depend on the code, see {@link ENGINE_ERRORS}. */
export class EngineError extends CodedError<EngineErrorCode> {
  /** The packet's text, or the description of the parser. */
  declare readonly data?: unknown;
  /** Size of the message in bytes. */
  declare readonly size?: number;
  /** The server's limit in bytes. */
  declare readonly limit?: number;
  /** Name of the transport that failed to take over. */
  declare readonly transport?: string;
  /** The phase of the failure. */
  declare readonly step?: string;
  /** The error or the close that ended the upgrade. */
  declare readonly cause?: unknown;
}

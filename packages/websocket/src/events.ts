import type { RawData } from "./options.ts";
import type { WebSocket } from "./websocket.ts";

/**
 * Arguments of the listeners of `addEventListener` and the `on*` properties: the browser's
 * events, where they apply.
 */
export class WebSocketEvent<T extends string = string, Target = WebSocket> {
  /** `open`, `message`, `close` or `error`. */
  readonly type: T;
  /** The socket that emits the event. */
  readonly target: Target;

  constructor(type: T, target: Target) {
    this.type = type;
    this.target = target;
  }
}

/** The event `message`. */
export class MessageEvent<Target = WebSocket> extends WebSocketEvent<"message", Target> {
  /** A string for a text message, otherwise as `binaryType` says. */
  readonly data: RawData | string;

  constructor(target: Target, data: RawData | string) {
    super("message", target);
    this.data = data;
  }
}

/** The event `close`. */
export class CloseEvent<Target = WebSocket> extends WebSocketEvent<"close", Target> {
  /** The close code; 1005 without a code in the close frame, 1006 without a close frame. */
  readonly code: number;
  /** The text of the close frame; may be empty. */
  readonly reason: string;
  /** Whether the closing handshake completed. */
  readonly wasClean: boolean;

  constructor(target: Target, close: { code: number; reason: string; wasClean: boolean }) {
    super("close", target);
    this.code = close.code;
    this.reason = close.reason;
    this.wasClean = close.wasClean;
  }
}

/** The event `error`. */
export class ErrorEvent<Target = WebSocket> extends WebSocketEvent<"error", Target> {
  /** What ended the connection. */
  readonly error: NodeJS.ErrnoException;
  /** The message of `error`. */
  readonly message: string;

  constructor(target: Target, error: Error) {
    super("error", target);
    this.error = error;
    this.message = error.message;
  }
}

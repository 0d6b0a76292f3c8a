import type { RawData } from "./options.ts";
import type { WebSocket } from "./websocket.ts";

/**
 * Arguments of the listeners of `addEventListener` and the `on*` properties: the browser's
 * events, where they apply.
 */
export class WebSocketEvent<T extends string = string, Target = WebSocket> {
  readonly type: T;
  readonly target: Target;

  constructor(type: T, target: Target) {
    this.type = type;
    this.target = target;
  }
}

export class MessageEvent<Target = WebSocket> extends WebSocketEvent<"message", Target> {
  /** A string for a text message, otherwise as `binaryType` says. */
  readonly data: RawData | string;

  constructor(target: Target, data: RawData | string) {
    super("message", target);
    this.data = data;
  }
}

export class CloseEvent<Target = WebSocket> extends WebSocketEvent<"close", Target> {
  readonly code: number;
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

export class ErrorEvent<Target = WebSocket> extends WebSocketEvent<"error", Target> {
  readonly error: NodeJS.ErrnoException;
  readonly message: string;

  constructor(target: Target, error: Error) {
    super("error", target);
    this.error = error;
    this.message = error.message;
  }
}

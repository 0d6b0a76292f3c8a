import type { ClientRequest } from "node:http";
import type { DeflateOptions } from "./core/index.ts";
import type { EventMap } from "./event-target.ts";
import type { WebSocket } from "./websocket.ts";

// Names of @types/ws, for programs written in TypeScript.

/** Certificates and keys. */
export type CertMeta = string | string[] | Buffer | Buffer[];
/** Options of compression (RFC 7692). */
export type PerMessageDeflateOptions = DeflateOptions;
/** Sends a client's request, with `request.end()`, once its headers are complete. */
export type FinishRequestCallback = (request: ClientRequest, socket: WebSocket) => void;
/** The argument of every `addEventListener` handler. */
export interface Event {
  /** `open`, `message`, `close` or `error`. */
  readonly type: string;
  /** The socket that emits the event. */
  readonly target: WebSocket;
}
/** Options of `addEventListener`. */
export interface EventListenerOptions {
  /** Whether the handler is removed after its first call. Default false. */
  once?: boolean | undefined;
}
/** The events of `addEventListener`. */
export type WebSocketEventMap = EventMap<WebSocket>;

import type { ClientRequest } from "node:http";
import type { DeflateOptions } from "./core/index.ts";
import type { EventMap } from "./event-target.ts";
import type { WebSocket } from "./websocket.ts";

// Names of @types/ws, for programs written in TypeScript.

/** Certificates and keys. */
export type CertMeta = string | string[] | Buffer | Buffer[];
export type PerMessageDeflateOptions = DeflateOptions;
/** Sends the request of a client, by `request.end()`, when its headers are complete. */
export type FinishRequestCallback = (request: ClientRequest, socket: WebSocket) => void;
/** What every handler of `addEventListener` is given. */
export interface Event {
  readonly type: string;
  readonly target: WebSocket;
}
export interface EventListenerOptions {
  once?: boolean | undefined;
}
/** The events of `addEventListener`. */
export type WebSocketEventMap = EventMap<WebSocket>;

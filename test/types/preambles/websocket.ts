/* Preamble for examples of the WebSocket package. */
import type { IncomingMessage, Server } from "node:http";
import type { Http2Server, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketLink } from "@portage/websocket";
import type { ClientOffer, WebSocketHandler } from "../../../packages/websocket/dist/core/index.js";

export {
  acceptUpgrade,
  checkConnect,
  refuseConnect,
  type LinkClose,
  refuseUpgrade,
  WebSocketServer,
} from "@portage/websocket";
export { OPCODE } from "../../../packages/websocket/dist/core/index.js";

export declare const http: Server;
export declare const http2Server: Http2Server;
export declare const http2Stream: ServerHttp2Stream;
export declare const port: number;
export declare const socket: WebSocket;
export declare const link: WebSocketLink;
export declare const links: Iterable<WebSocketLink>;
export declare const handler: WebSocketHandler;
export declare const req: IncomingMessage;
export declare const response: IncomingMessage;
export declare const offer: ClientOffer;
export declare const stream: Duplex;
export declare const head: Buffer;
export declare const chunk: Buffer;
export declare function isAllowed(request: IncomingMessage): boolean;
export declare function log(...values: (string | number | undefined)[]): void;

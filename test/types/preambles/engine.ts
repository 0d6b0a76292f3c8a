/* Preamble for examples of the engine. */
import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Duplex } from "node:stream";
import type { Encoder, Packet } from "@portage/parser";
import type { Server, Socket } from "@portage/server";
import type { Server as Engine, Socket as Session, WebTransportSession } from "@portage/server/engine";
import type { WebSocketServer } from "ws";

export { createServer } from "node:http";
export { Server } from "@portage/server";
export { kSendPrepared, type WebSocketTransport } from "../../../packages/server/dist/engine/index.js";

export declare const io: Server;
export declare const socket: Socket;
export declare const engine: Engine;
export declare const session: Session;
export declare const sessions: Iterable<Session>;
export declare const webTransports: AsyncIterable<WebTransportSession>;
export declare const httpServer: HttpServer;
export declare const app: (req: IncomingMessage, res: object) => void;
export declare const req: IncomingMessage;
export declare const stream: Duplex;
export declare const head: Buffer;
export declare const wss: WebSocketServer;
export declare const encoder: Encoder;
export declare const packet: Packet;
export declare function isWelcome(req: IncomingMessage): boolean;

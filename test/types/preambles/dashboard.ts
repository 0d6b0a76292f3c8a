/* Preamble for examples of the live page. */
import type { Board } from "@portage/server/dashboard";
import type { Server } from "@portage/server";
import type { FastifyInstance } from "fastify";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";

export { createServer } from "node:http";
export * as http from "node:http";
export { Server } from "@portage/server";
export { portage } from "@portage/server/fastify";
export { dashboard } from "@portage/server/dashboard";

export declare const app: FastifyInstance;
export declare const expressApp: (req: IncomingMessage, res: ServerResponse) => void;
export declare const io: Server;
export declare const board: Board;
export declare const httpServer: HttpServer;
export declare const req: IncomingMessage;
export declare const res: ServerResponse;

/* Preamble for examples of the live page. */
import type { Server } from "@portage/server";
import type { Board } from "@portage/server/dashboard";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";

export { dashboard } from "@portage/server/dashboard";

export declare const io: Server;
export declare const board: Board;
export declare const httpServer: HttpServer;
export declare const req: IncomingMessage;
export declare const res: ServerResponse;

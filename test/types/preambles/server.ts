/* Preamble for examples of the server, of the documentation and of SECURITY.md. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Server as Engine } from "@portage/server/engine";
import type { Socket as ClientSocket } from "@portage/client";
import type { Server, Socket } from "@portage/server";
import type { FastifyInstance } from "fastify";
import type { Redis } from "ioredis";

export * as http from "node:http";
export { createServer } from "node:http";
export { localCluster, runWorkers, setupPrimary } from "@portage/cluster";
export { redisCluster } from "@portage/cluster/redis";
export { SessionAwareAdapter } from "@portage/server/adapter";
export { Server as Engine } from "@portage/server/engine";
export { Server } from "@portage/server";
export { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";

export declare const io: Server;
export declare const socket: Socket;
export declare const engine: Engine;
export declare const httpServer: HttpServer;
export declare const app: FastifyInstance;
export declare const req: IncomingMessage;
export declare const res: ServerResponse;
export declare const bytes: Buffer;
export declare const rows: Iterable<object>;
export declare const logger: Record<"error" | "warn" | "info", (fields: object, sentence?: string) => void>;
/** Clients of Redis. */
export { Redis } from "ioredis";
export declare const redis: Redis;
export declare const pub: object;
export declare const sub: object;
export declare const pubClient: object;
export declare const subClient: object;
/** Of prom-client. */
export declare const register: { metrics(): Promise<string> };
export declare const passport: { session(): (req: IncomingMessage, res: ServerResponse, next: () => void) => void };
/** Of the program: returns the owner of a token. */
export declare const verify: (token: unknown) => Promise<{ id: string } | undefined>;
/** Of a test, connected. */
export declare const client: ClientSocket & { id: string };
/** Of the program: stores an order, unless one with that key is there. Returns its number. */
export declare const saveOnce: (key: string | undefined, order: unknown) => Promise<number>;

/** Packages without typings of their own, described as far as the tests of hosts use them. */
declare module "express-session" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;
  export default function session(options: object): Middleware;
}

declare module "passport-local" {
  type Done = (error: null, user: object | false) => void;
  export interface Strategy {
    name: string;
  }
  export const Strategy: new (verify: (name: string, password: string, done: Done) => void) => Strategy;
}

declare module "passport" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  import type { Strategy } from "passport-local";
  type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;
  interface Passport {
    use(strategy: Strategy): void;
    serializeUser(fn: (user: { name: string }, done: (error: null, id: string) => void) => void): void;
    deserializeUser(fn: (id: string, done: (error: null, user: object) => void) => void): void;
    session(): Middleware;
    authenticate(strategy: string): Middleware;
  }
  const passport: Passport;
  export default passport;
}

declare module "koa" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  interface Context {
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    readonly path: string;
    body: unknown;
    respond: boolean;
  }
  export default class Koa {
    use(middleware: (context: Context, next: () => Promise<void>) => unknown): void;
    callback(): (req: IncomingMessage, res: ServerResponse) => void;
  }
}

declare module "ws" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";
  export class WebSocketServer extends EventEmitter {
    constructor(options: { noServer: true });
    handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer, onWebSocket: (socket: WebSocket) => void): void;
  }
}

declare module "socket.io-prometheus" {
  export default function countMetrics(io: object): void;
}

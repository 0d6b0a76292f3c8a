/** Typings for packages without their own, for the parts that the tests use. */
declare module "socket.io-client-1" {
  import type { io as current } from "socket.io-client";
  const io: typeof current;
  export default io;
}

declare module "socket.io-client-2" {
  import type { io as current } from "socket.io-client";
  const io: typeof current;
  export default io;
}

/** TypeScript can't find its typings through `exports`. */
declare module "socket.io-client-3" {
  export { io } from "socket.io-client";
}

declare module "express" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  type Handler = (req: IncomingMessage, res: ServerResponse & { send(body: string): void }) => void;
  interface Application {
    (req: IncomingMessage, res: ServerResponse): void;
    get(path: string, handler: Handler): void;
    use(handler: (req: IncomingMessage, res: ServerResponse) => void): void;
    use(handler: (req: IncomingMessage, res: ServerResponse, next: () => void) => void): void;
    use(path: string, handler: (req: IncomingMessage, res: ServerResponse, next: () => void) => void): void;
  }
  function express(): Application;
  namespace express {
    function urlencoded(): (req: IncomingMessage, res: ServerResponse, next: () => void) => void;
  }
  export default express;
}

/** Older servers, as TypeScript can't find their typings through `exports`. */
declare module "socket.io-30" {
  export { Server } from "socket.io";
}
declare module "socket.io-40" {
  export { Server } from "socket.io";
}

/** The client of `ws`, which has no typings of its own: the part that these tests use. */
declare module "ws" {
  import type { EventEmitter } from "node:events";
  export class WebSocket extends EventEmitter {
    constructor(url: string, protocols?: string | string[]);
    readonly protocol: string;
    send(data: string | Buffer, options?: { fin?: boolean }): void;
    ping(data?: string): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
  }
}

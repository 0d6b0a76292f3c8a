import type { BaseSocket } from "./base-socket.ts";

/** Logs what a socket does; in Node.js, where `observe.node.ts` takes the place of this. */
export const observe = (_socket: BaseSocket): void => {};

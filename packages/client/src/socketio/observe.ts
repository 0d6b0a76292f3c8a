import type { BaseManager } from "./base-manager.ts";

/** Logs what a manager does; in Node.js, where `observe.node.ts` takes the place of this. */
export const observe = (_manager: BaseManager): void => {};

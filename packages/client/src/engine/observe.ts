/** Logs nothing. Node.js and debug builds replace this file with `observe.node.ts`. */
export const observe = (_socket: object, _transport: object): void => {};

/** Logs nothing. Node.js and debug builds replace this file with `observe.node.ts`. */
export const observe = (_manager: object, _socket: object): void => {};

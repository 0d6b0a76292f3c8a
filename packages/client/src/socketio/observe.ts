/** Logs what managers and sockets do; in Node.js and in debug builds, where `observe.node.ts` takes the place of this. */
export const observe = (_manager: object, _socket: object): void => {};

/** Logs what sockets and transports do; in Node.js and in debug builds, where `observe.node.ts` takes the place of this. */
export const observe = (_socket: object, _transport: object): void => {};

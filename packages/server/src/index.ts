/*
 * Main entry of @portage/server: the names of the npm package socket.io.
 * Knows: what is public, and that `require()` has to give a function that carries the names.
 * Must not know: how any of it works.
 */
import { Namespace, Server } from "./socketio/index.ts";
import { Socket } from "./socket.ts";

export {
  AckTimeoutError,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type EventsMap,
  type DisconnectCode,
  type EngineReport,
  type EventSourceOptions,
  type ExtendedError,
  type ConnectRefused,
  type HandlerErrorContext,
  type Handshake,
  ReservedEventError,
  type ServerOptions,
  type ServerReport,
  type SlowPolicy,
  type SlowReaderOptions,
  SocketIoError,
  type SocketIoErrorCode,
} from "./socketio/index.ts";
export { BroadcastOperator, RemoteSocket } from "./broadcast-operator.ts";
export { Namespace, Server, Socket };

// CommonJS: `const io = require("@portage/server")(httpServer)`. An ES module finds the names by their export statements.
if (typeof module === "object" && module.exports === exports) {
  const create = (...args: ConstructorParameters<typeof Server>): Server => new Server(...args);
  module.exports = Object.assign(create, exports);
}

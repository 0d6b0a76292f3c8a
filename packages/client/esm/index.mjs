// One copy serves both module systems of Node.js.
export {
  ClientError,
  connect,
  Fetch,
  io,
  io as default,
  Manager,
  NodeWebSocket,
  NodeXHR,
  protocol,
  Socket,
  WebSocket,
  XHR,
} from "../dist/index.js";

// One copy serves both module systems of Node.js.
export {
  ENGINE_ERRORS,
  EngineError,
  Fetch,
  installTimerFunctions,
  nextTick,
  NodeWebSocket,
  NodeXHR,
  parse,
  protocol,
  Socket,
  Transport,
  TransportError,
  transports,
  WebSocket,
  XHR,
} from "../dist/engine.js";

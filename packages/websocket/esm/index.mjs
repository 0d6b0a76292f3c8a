// One copy serves both module systems. The default export is the class WebSocket, as with `ws`.
import WebSocket from "../dist/index.js";

export const {
  acceptConnect,
  acceptUpgrade,
  checkConnect,
  checkDeflateOptions,
  checkUpgrade,
  CloseEvent,
  ConnectError,
  connectLink,
  createWebSocketStream,
  DEFAULT_LIMITS,
  ErrorEvent,
  frameBinary,
  frameText,
  isValidCloseCode,
  MessageEvent,
  OptionError,
  parseProtocols,
  ReceiveBudget,
  refuseConnect,
  refuseUpgrade,
  RequestError,
  systemClock,
  UsageError,
  VIOLATIONS,
  WebSocketError,
  WebSocketEvent,
  WebSocketServer,
} = WebSocket;
export { WebSocket };
export default WebSocket;

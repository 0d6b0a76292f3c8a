// One copy serves both module systems of Node.js.
export { ClientError, connect, io, io as default, Manager, protocol, Socket } from "../dist/websocket.js";

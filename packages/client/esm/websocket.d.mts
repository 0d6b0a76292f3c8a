export * from "../dist/websocket.js";
export { io as default } from "../dist/websocket.js";

export * from "../dist/index.js";
export { WebSocket as default } from "../dist/index.js";

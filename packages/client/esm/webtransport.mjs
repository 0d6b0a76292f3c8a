// One copy serves both module systems of Node.js.
export { WebTransport } from "../dist/webtransport.js";

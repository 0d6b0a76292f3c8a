// What `import` gives: the class WebSocket by default, and the names of the package.
import WebSocket = require("../types/index.js");

export * from "../dist/index.js";
export default WebSocket;

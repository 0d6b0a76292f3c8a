// One copy serves both module systems of Node.js.
export { traced } from "../dist/trace.js";

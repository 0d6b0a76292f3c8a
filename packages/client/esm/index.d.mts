export * from "../dist/index.js";
export { io as default } from "../dist/index.js";

// Entry of the builds for script tags: `io` alone, with its properties.
export { io as default } from "../src/index.ts";

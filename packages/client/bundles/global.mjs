// The builds for script tags: `io` alone, with what belongs to it.
export { io as default } from "../src/index.ts";

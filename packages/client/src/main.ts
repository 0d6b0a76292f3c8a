/*
 * The CommonJS entry: `require("@portage/client")` gives `io()` itself, with what belongs to it.
 * Compiled for `import`, it would have a default export instead: that is index.ts.
 */
import { io } from "./index.ts";

// what `import io from "@portage/client"` is compiled to without esModuleInterop
module.exports = Object.defineProperty(io, "default", { value: io });

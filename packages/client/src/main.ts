/*
 * The CommonJS entry: `require("@portage/client")` returns `io()` itself, with its properties.
 * Knows: the form that programs expect of `require`. ES modules use index.ts.
 */
import * as names from "./index.ts";

const { default: io, ...others } = names;

export default io;

// Without esModuleInterop, `import io from "@portage/client"` compiles to `default`.
Object.assign(module, { exports: Object.defineProperty(Object.assign(io, others), "default", { value: io }) });

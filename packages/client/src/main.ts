/*
 * The CommonJS entry: `require("@portage/client")` gives `io()` itself, with what belongs to it.
 * Knows: what programs expect of `require`. ES modules come in by index.ts.
 */
import * as names from "./index.ts";

const { default: io, ...others } = names;

export default io;

// `default` is what `import io from "@portage/client"` is compiled to where there is no esModuleInterop.
Object.assign(module, { exports: Object.defineProperty(Object.assign(io, others), "default", { value: io }) });

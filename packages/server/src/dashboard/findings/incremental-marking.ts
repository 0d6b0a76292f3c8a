import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Starts a collection of the old generation, and returns at once. */
export type StartCollection = () => void;

type Collect = (options: { readonly type: "minor" }) => unknown;

/** V8 marks as soon as it may, whatever the size of the heap. */
const MARK = "stress-incremental-marking";

function findCollect(): Collect | undefined {
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    return typeof found === "function" ? (found as Collect) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the function that starts a collection; undefined where the runtime has none to give. It takes 2 ms to find.
 *
 * `gc()` stops the program until it has marked all of the heap. V8 itself marks in short steps and on other threads, but only
 * once the heap has grown. It looks after each collection of the young generation, which takes about 1 ms, whether it should:
 * a flag that is set for the time of one makes it.
 */
export function findIncrementalMarking(): StartCollection | undefined {
  const collect = findCollect();
  if (collect === undefined) return undefined;
  return () => {
    setFlagsFromString(`--${MARK}`);
    try {
      collect({ type: "minor" });
    } finally {
      setFlagsFromString(`--no-${MARK}`);
    }
  };
}

import { soon } from "../core/index.ts";

/** A link with output to flush at the end of the tick. */
interface Flushable {
  flush(): void;
}

/** `process` is an accessor of the global object; read it once. */
const globalProcess: { readonly nextTick: unknown } = process;

let queue: Flushable[] = [];
/**
 * The function that the flush was scheduled with. Fake timers may replace it, and may be
 * removed before they call.
 */
let scheduledWith: unknown = undefined;

/** Flushes `link` at the end of this tick. */
export function flushAtEndOfTick(link: Flushable): void {
  queue.push(link);
  if (queue.length === 1 || scheduledWith !== globalProcess.nextTick) schedule();
}

/** Reschedules the flush if the function it was scheduled with has been replaced since. */
export function resumeFlushing(): void {
  if (queue.length > 0 && scheduledWith !== globalProcess.nextTick) schedule();
}

function schedule(): void {
  scheduledWith = globalProcess.nextTick;
  soon(flushAll, undefined);
}

function flushAll(): void {
  const links = queue;
  if (links.length === 0) return;
  queue = [];
  let done = 0;
  try {
    while (done < links.length) links[done++]!.flush();
  } finally {
    // A stream threw. Flush the remaining links nevertheless.
    for (; done < links.length; done++) flushAtEndOfTick(links[done]!);
  }
}

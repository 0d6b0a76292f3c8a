import { soon } from "../core/index.ts";

/** What waits for the end of the tick. */
interface Flushed {
  flush(): void;
}

/** A property of the global object that is an accessor: it is read once. */
const platform: { readonly nextTick: unknown } = process;

let waiting: Flushed[] = [];
/** The function that the end of the tick was asked of: a test's fake timers may replace it, and be removed before it calls. */
let scheduledWith: unknown = undefined;

/** Flushes `link` at the end of this tick. */
export function flushAtEndOfTick(link: Flushed): void {
  waiting.push(link);
  if (waiting.length === 1 || scheduledWith !== platform.nextTick) schedule();
}

/** More has been sent: when the end of the tick was asked of a function that is not there any more, it is asked for again. */
export function resumeFlushing(): void {
  if (waiting.length > 0 && scheduledWith !== platform.nextTick) schedule();
}

function schedule(): void {
  scheduledWith = platform.nextTick;
  soon(flushAll, undefined);
}

function flushAll(): void {
  const links = waiting;
  if (links.length === 0) return;
  waiting = [];
  let done = 0;
  try {
    while (done < links.length) links[done++]!.flush();
  } finally {
    // The stream of one has thrown: it does not hold back those behind it.
    for (; done < links.length; done++) flushAtEndOfTick(links[done]!);
  }
}

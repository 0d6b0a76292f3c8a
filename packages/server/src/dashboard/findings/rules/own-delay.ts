import { BARS } from "../bars.ts";
import type { Snapshot } from "../snapshot.ts";

/**
 * Whether the event loop is late by more than so many milliseconds, and this process is the reason: a busy neighbour on the
 * machine makes it late too. A listener that waits for a file or a lock keeps the loop without working.
 */
export function isOwnDelay({ loop, handlers: [top] }: Pick<Snapshot, "loop" | "handlers">, ms: number): boolean {
  const isWaiting = top !== undefined && top.share > BARS.loopLate.handlerShare && top.p99 > ms;
  return loop.p99 > ms && (loop.own > ms || isWaiting);
}

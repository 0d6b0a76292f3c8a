import { BARS } from "../bars.ts";
import type { Snapshot } from "../snapshot.ts";

type LateLoop = Pick<Snapshot, "loop" | "handlers">;

/** The event whose listeners take most of the time. */
const mainHandler = ({ handlers: [top] }: LateLoop): Snapshot["handlers"][number] | undefined =>
  top !== undefined && top.share > BARS.loopLate.handlerShare ? top : undefined;

/** Whether other programs of the machine have the processor, and listeners pile up that take less than so many milliseconds. */
export function pilesUp(late: LateLoop, ms: number): boolean {
  const main = mainHandler(late);
  return late.loop.crowded > BARS.crowded && main !== undefined && main.longest <= ms;
}

/**
 * Whether the event loop is late by more than so many milliseconds, and this process is the reason: a busy neighbour on the
 * machine makes it late too. A listener that waits for a file or a lock keeps the loop without working.
 */
export function isOwnDelay(late: LateLoop, ms: number): boolean {
  const { p99, own, crowded } = late.loop;
  if (p99 <= ms || pilesUp(late, ms)) return false;
  const main = mainHandler(late);
  return own > ms || (main !== undefined && main.p99 > ms && crowded <= BARS.crowded);
}

import { BARS } from "../bars.ts";
import { timeText, eventText, percent } from "../sentences.ts";
import type { Rule, Snapshot } from "../snapshot.ts";
import { isOwnDelay, pilesUp } from "./own-delay.ts";

type EventHandling = Snapshot["handlers"][number];

/** How the event loop is late, and the event whose listeners are the reason, if they are. */
interface Lateness {
  readonly how: string;
  readonly culprit: EventHandling | undefined;
}

const stillFor = (ms: number): string => `The event loop stands still for ${timeText(ms)} again and again`;

/** Long work now and then, which is most of what the listeners of one event take, or very long. */
function habitOf(snapshot: Snapshot): Lateness | undefined {
  const { habit } = snapshot.loop;
  const culprit = snapshot.handlers.find(({ longest }) => longest > BARS.loopLate.ofDelay * habit);
  const isLate = habit > (culprit === undefined ? BARS.loopLate.anyHabit : BARS.loopLate.habit);
  return isLate && !pilesUp(snapshot, BARS.loopLate.habit) ? { how: stillFor(habit), culprit } : undefined;
}

/** Rare stalls count if one event takes most of the time: a busy neighbour on the machine causes them too. */
function latenessOf(snapshot: Snapshot): Lateness | undefined {
  const { p99, stalls, crowded } = snapshot.loop;
  const [top] = snapshot.handlers;
  const culprit = top !== undefined && top.share > BARS.loopLate.handlerShare ? top : undefined;
  if (isOwnDelay(snapshot, BARS.loopLate.p99))
    return { how: `One in a hundred turns of the event loop is ${timeText(p99)} late`, culprit };
  const isStill = stalls > BARS.loopLate.stalls && crowded <= BARS.crowded;
  if (isStill && culprit !== undefined) return { how: stillFor(stalls), culprit };
  return habitOf(snapshot);
}

/** The event loop is late. */
export const loopLate: Rule = (snapshot) => {
  const late = latenessOf(snapshot);
  if (late === undefined) return [];
  const { how, culprit } = late;
  const { busy, gc } = snapshot.loop;
  const named = culprit ?? snapshot.handlers[0];
  const ofListeners =
    named === undefined
      ? ""
      : `, and ${percent(Math.min(1, named.share) * busy)} the listeners of "${eventText(named)}"`;
  return [
    {
      code: "LOOP_LATE",
      subject: culprit === undefined ? "event loop" : eventText(culprit),
      sentence: `${how}: ${percent(gc)} of the time is garbage collection${ofListeners}.`,
    },
  ];
};

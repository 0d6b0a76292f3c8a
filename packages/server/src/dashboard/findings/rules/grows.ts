import { BARS } from "../bars.ts";
import { amount, bytes, percent } from "../sentences.ts";
import type { Growth, Rule, Sighting, Snapshot } from "../snapshot.ts";

type Figure = NonNullable<Sighting["figures"]>[number];

// oxlint-disable-next-line unicorn/no-thenable -- a number that the page shows, and nothing awaits
const figure = (label: string, then: number, now: number, unit: Figure["unit"]): Figure => ({ label, then, now, unit });

function growthOf({ what, before, after, unit, seconds }: Growth): Sighting {
  const text = (value: number): string => (unit === "bytes" ? bytes(value) : String(Math.round(value)));
  return {
    code: "GROWS",
    subject: what,
    sentence: `The ${what} grew from ${text(before)} to ${text(after)} in ${amount(seconds, "second")}, while connections did not.`,
    figures: [figure(what, before, after, unit)],
  };
}

function keptSockets({ watched, alive }: Snapshot["kept"]): readonly Sighting[] {
  if (watched < BARS.keptSockets.watched || alive / watched <= BARS.keptSockets.share) return [];
  return [
    {
      code: "GROWS",
      subject: "closed sockets",
      sentence: `The program keeps closed sockets: ${alive} of ${watched} (${percent(alive / watched)}) outlived a garbage collection.`,
      figures: [figure("closed sockets that are kept", 0, alive, "count")],
    },
  ];
}

/** Something grows although the number of connections does not. */
export const grows: Rule = ({ growing, kept }) => [...growing.map(growthOf), ...keptSockets(kept)];

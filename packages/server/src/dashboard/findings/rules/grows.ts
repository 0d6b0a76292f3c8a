import { amount, bytes, percent } from "../sentences.ts";
import type { Growth, Rule, Sighting, Snapshot } from "../snapshot.ts";

/** Closed sockets that must be watched before their share says something. */
const LEAST_KEPT = 8;
const KEPT_SHARE = 0.5;

function growthOf({ what, then, now, unit, seconds }: Growth): Sighting {
  const text = (value: number): string => (unit === "bytes" ? bytes(value) : String(Math.round(value)));
  return {
    code: "GROWS",
    subject: what,
    sentence: `The ${what} grew from ${text(then)} to ${text(now)} in ${amount(seconds, "second")}, while connections did not.`,
    figures: [{ label: what, then, now, unit }],
  };
}

function keptSockets({ watched, alive }: Snapshot["kept"]): readonly Sighting[] {
  if (watched < LEAST_KEPT || alive / watched <= KEPT_SHARE) return [];
  return [
    {
      code: "GROWS",
      subject: "closed sockets",
      sentence: `The program keeps closed sockets: ${alive} of ${watched} (${percent(alive / watched)}) outlived a garbage collection.`,
      figures: [{ label: "closed sockets that are kept", then: 0, now: alive, unit: "count" }],
    },
  ];
}

/** Something grows although the number of connections does not. */
export const grows: Rule = ({ growing, kept }) => [...growing.map(growthOf), ...keptSockets(kept)];

import type { Finding } from "../wire.ts";
import { FINDINGS } from "./advice.ts";
import type { Sighting } from "./snapshot.ts";

/** Milliseconds for which something must be seen before it is a finding, and unseen before it ends. */
const ON_AFTER = 5000;
const OFF_AFTER = 15_000;
/** Findings at a time. */
const MOST_FINDINGS = 32;

interface Seen {
  sighting: Sighting;
  readonly since: number;
  last: number;
  isShown: boolean;
}

/** Turns what rules see each second into findings that last: a moment is not a finding, and a calm moment does not end one. */
export class FindingWatch {
  readonly #seen = new Map<string, Seen>();

  /** Takes what the rules have seen at `now`, in milliseconds, and returns the findings. */
  update(now: number, sightings: readonly Sighting[]): readonly Finding[] {
    for (const sighting of sightings) this.#take(now, sighting);
    for (const [key, seen] of this.#seen) {
      if (now - seen.last >= (seen.isShown ? OFF_AFTER : ON_AFTER)) this.#seen.delete(key);
      else if (seen.last === now && now - seen.since >= ON_AFTER) seen.isShown = true;
    }
    return [...this.#seen.values()].filter(({ isShown }) => isShown).map(findingOf);
  }

  #take(now: number, sighting: Sighting): void {
    const key = `${sighting.code}\0${sighting.subject}`;
    const seen = this.#seen.get(key);
    if (seen === undefined) {
      if (this.#seen.size < MOST_FINDINGS) this.#seen.set(key, { sighting, since: now, last: now, isShown: false });
      return;
    }
    seen.sighting = sighting;
    seen.last = now;
  }
}

function findingOf({ sighting, since }: Seen): Finding {
  return { ...sighting, ...FINDINGS[sighting.code], since };
}

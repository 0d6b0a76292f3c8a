import { type FieldTest, filledUpTo, optional, wholeUpTo } from "./checks.ts";
import type { Actions } from "./wire.ts";

const MOST_NAME = 200;
const MOST_SELECTION = 300;
const MOST_JSON = 16_000;
const MOST_COUNT = 1e9;

const shortName = filledUpTo(MOST_NAME);
const MEMBERSHIP = { handle: shortName, namespace: shortName, room: shortName };

/** An action: the fields of its target, and what the feed of problems says about it. */
export interface ActionRow {
  readonly fields: Readonly<Record<string, FieldTest>>;
  readonly sentence: string;
}

/** The actions of a page. Minutes and milliseconds have a bound here. */
export const ACTION_ROWS: Readonly<Record<keyof Actions, ActionRow>> = {
  disconnect: {
    fields: {
      handle: optional(shortName),
      filter: optional(filledUpTo(MOST_SELECTION)),
      count: wholeUpTo(MOST_COUNT),
      node: optional(shortName),
    },
    sentence: "A viewer of the live page disconnected clients.",
  },
  join: { fields: MEMBERSHIP, sentence: "A viewer of the live page put a socket into a room." },
  leave: { fields: MEMBERSHIP, sentence: "A viewer of the live page took a socket out of a room." },
  emit: {
    fields: {
      handle: optional(shortName),
      namespace: shortName,
      room: optional(shortName),
      event: shortName,
      args: filledUpTo(MOST_JSON),
      count: wholeUpTo(MOST_COUNT),
    },
    sentence: "A viewer of the live page emitted an event.",
  },
  log: {
    fields: { scopes: filledUpTo(MOST_NAME), minutes: wholeUpTo(15) },
    sentence: "A viewer of the live page enabled scopes of the log.",
  },
  drain: { fields: { timeout: wholeUpTo(3_600_000) }, sentence: "A viewer of the live page drained the server." },
};

/** Whether a target has the fields of an action, and no others. */
export function isTargetOf(action: keyof Actions, target: unknown): boolean {
  if (typeof target !== "object" || target === null) return false;
  const { fields } = ACTION_ROWS[action];
  const given = target as Readonly<Record<string, unknown>>;
  const isKnown = Object.keys(given).every((key) => Object.hasOwn(fields, key));
  return isKnown && Object.entries(fields).every(([key, check]) => check(given[key]));
}

import { ACTION_ROWS } from "./action-table.ts";
import { type FieldTest, optional, textUpTo, wholeUpTo } from "./checks.ts";
import type { FromPage, PageQuestion } from "./wire.ts";

/** The longest text of each kind, in characters. */
const MOST_WORD = 100;
const MOST_FILTER = 300;
const MOST_NAMES = 64;
const MOST_PARAMS = 8;
const MOST_PARAM = 200;
const MOST_ROWS = 200;
const MOST_TARGET = 16_000;

/** The name of a message from a page. */
export type QuestionName = keyof FromPage;

interface Shape {
  readonly args: readonly FieldTest[];
  /** Whether the last argument is the function for the answer. */
  readonly isAnswered: boolean;
}

const name = textUpTo(MOST_WORD);
const oneOf =
  (...values: readonly string[]): FieldTest =>
  (value) =>
    values.includes(value as string);
const isPlainRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const names: FieldTest = (value) =>
  Array.isArray(value) && value.length <= MOST_NAMES && value.every(name) && new Set(value).size === value.length;

const params: FieldTest = (value) => {
  if (!isPlainRecord(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= MOST_PARAMS && entries.every(([key, word]) => name(key) && textUpTo(MOST_PARAM)(word));
};

const PAGE_FIELDS: Readonly<Record<keyof PageQuestion, FieldTest>> = {
  order: name,
  descending: (value) => typeof value === "boolean",
  filter: textUpTo(MOST_FILTER),
  from: wholeUpTo(1e9),
  count: wholeUpTo(MOST_ROWS),
  node: optional(name),
};

/** Whether a value is a question for rows. */
export const isPageQuestion = (value: unknown): value is PageQuestion =>
  isPlainRecord(value) &&
  Object.keys(value).every((key) => Object.hasOwn(PAGE_FIELDS, key)) &&
  Object.entries(PAGE_FIELDS).every(([key, check]) => check(value[key]));

const target: FieldTest = (value) => isPlainRecord(value) && sizeOfTarget(value) <= MOST_TARGET;

/** Returns the size of the fields of an action. Fields are text, numbers and booleans: anything else is too large. */
function sizeOfTarget(value: Record<string, unknown>): number {
  let size = 0;
  for (const [key, field] of Object.entries(value)) {
    if (typeof field === "string") size += key.length + field.length;
    else if (typeof field === "number" || typeof field === "boolean") size += key.length + 8;
    else return Infinity;
  }
  return size;
}

const VIEWS = oneOf("overview", "connection", "problems", "ended", "rooms", "events", "cluster");
const ACTION_NAMES = oneOf(...Object.keys(ACTION_ROWS));

/** The messages that a page may send, and their arguments. */
const QUESTIONS: Readonly<Record<QuestionName, Shape>> = {
  hello: { args: [(value) => isPlainRecord(value) && name(value["build"])], isAnswered: true },
  watch: { args: [VIEWS, params], isAnswered: true },
  unwatch: { args: [VIEWS], isAnswered: false },
  page: { args: [oneOf("connections", "members"), isPageQuestion], isAnswered: true },
  history: { args: [names, oneOf("1s", "1m")], isAnswered: true },
  why: { args: [name], isAnswered: true },
  tap: { args: [name], isAnswered: true },
  untap: { args: [name], isAnswered: false },
  nonce: { args: [], isAnswered: true },
  act: { args: [ACTION_NAMES, target, name], isAnswered: true },
};

/** The function that sends an answer. */
export type AnswerTo = (answer: unknown) => void;

/** A message that has the right form. */
export interface AskedQuestion {
  readonly name: QuestionName;
  readonly args: readonly unknown[];
  /** Undefined for messages without an answer. */
  readonly done: AnswerTo | undefined;
}

/** Checks a message of a page. Returns undefined if it is unknown, or has other arguments. */
export function readQuestion(event: unknown, given: readonly unknown[]): AskedQuestion | undefined {
  if (typeof event !== "string" || !Object.hasOwn(QUESTIONS, event)) return undefined;
  const { args: checks, isAnswered } = QUESTIONS[event as QuestionName];
  if (given.length !== checks.length + (isAnswered ? 1 : 0)) return undefined;
  if (!checks.every((check, index) => check(given[index]))) return undefined;
  const done = given[checks.length];
  if (isAnswered && typeof done !== "function") return undefined;
  return {
    name: event as QuestionName,
    args: given.slice(0, checks.length),
    done: isAnswered ? (done as AnswerTo) : undefined,
  };
}

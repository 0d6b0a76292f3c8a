import { within, turn } from "./waiting.ts";

/** The outcome of a call with an odd argument. Error texts are not compared. */
export interface Outcome {
  /** The kind of the returned value, "throws", or "throws <code>" for errors of Portage. */
  result: string;
  /** The number of uncaught errors, a tick later. */
  uncaught: number;
  /** The effects on others. */
  readonly seen: string[];
}

/** Collects uncaught errors of this process while it runs, in place of the usual listeners. */
export class Uncaught {
  #count = 0;
  readonly #listeners = process.listeners("unhandledRejection");
  #noted: () => void = () => undefined;
  readonly #note = (): void => {
    this.#count++;
    this.#noted();
  };

  start(): void {
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", this.#note);
    process.setUncaughtExceptionCaptureCallback(this.#note);
  }

  stop(): void {
    process.setUncaughtExceptionCaptureCallback(null);
    process.removeAllListeners("unhandledRejection");
    for (const listener of this.#listeners) process.on("unhandledRejection", listener as () => void);
  }

  /** Resolves with the next error, so that a test can stop waiting for the answer of a handler that threw. */
  next(): Promise<undefined> {
    return new Promise((resolve) => (this.#noted = () => resolve(undefined)));
  }

  get count(): number {
    return this.#count;
  }

  take(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}

/** Odd values for options and arguments, by name. */
export const ODD_VALUES: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  false: false,
  true: true,
  "0": 0,
  "1": 1,
  "-1": -1,
  NaN: Number.NaN,
  Infinity,
  "2^31": 2 ** 31,
  '""': "",
  '"5"': "5",
  '"x"': "x",
  "{}": {},
  "[]": [],
};

/** Returns the kind of a value. */
export function kindOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return `bytes ${value.toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map((item) => kindOf(item)).join()}]`;
  if (value instanceof Set) return `Set${kindOf([...value])}`;
  if (typeof value === "object") return value === null ? "null" : "object";
  return typeof value === "function" ? "function" : (JSON.stringify(value) ?? typeof value);
}

const OUR_CODE = /^[A-Z]+(_[A-Z]+)+$/;

/** Makes a call and returns its outcome, after its promise has settled. */
export async function outcomeOf(call: (seen: string[]) => unknown, uncaught: Uncaught): Promise<Outcome> {
  const outcome: Outcome = { result: "", uncaught: 0, seen: [] };
  try {
    outcome.result = kindOf(await within(Promise.resolve(call(outcome.seen)), "a call to end"));
  } catch (error) {
    const { code } = error as { code?: unknown };
    outcome.result =
      typeof code === "string" && OUR_CODE.test(code) && !code.startsWith("ERR_") ? `throws ${code}` : "throws";
  }
  await turn();
  await turn();
  outcome.uncaught = uncaught.take();
  return outcome;
}

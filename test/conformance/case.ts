import type { Wire } from "./wire.ts";

/** One case. Its number is that of the Autobahn test suite, whose structure these cases follow. */
export interface ConformanceCase {
  readonly id: string;
  readonly what: string;
  /** Extensions that the test's end offers (as client) or accepts (as server). Default none. */
  readonly extensions?: string;
  /** What happened without being right or wrong, or nothing. */
  run(wire: Wire): Promise<string | void>;
}

/** Whether everything is done at the sizes of the suite; otherwise large things are done smaller, to be quick. */
const isFull = process.env["CONFORMANCE"] === "full";

/** `full` at the sizes of the suite, otherwise `quick`. */
export const scaled = (full: number, quick: number): number => (isFull ? full : Math.min(full, quick));

/** Sends nothing more that the subject should answer; for cases that leave the connection open. */
export async function fine(wire: Wire, exchange: () => Promise<void>): Promise<void> {
  await exchange();
  await wire.close();
}

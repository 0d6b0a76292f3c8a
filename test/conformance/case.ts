import type { Wire } from "./wire.ts";

/** One case. Numbers and structure follow the Autobahn test suite. */
export interface ConformanceCase {
  readonly id: string;
  readonly what: string;
  /** Extensions that the test offers (as client) or accepts (as server). Default none. */
  readonly extensions?: string;
  /** An observation that is neither right nor wrong, or nothing. */
  run(wire: Wire): Promise<string | void>;
}

/** Whether to use the sizes of the Autobahn suite. Otherwise large cases are smaller, for speed. */
const isFull = process.env["CONFORMANCE"] === "full";

/** `full` at the sizes of the suite, otherwise `quick`. */
export const scaled = (full: number, quick: number): number => (isFull ? full : Math.min(full, quick));

/** Sends nothing that the subject should answer; for cases that leave the connection open. */
export async function fine(wire: Wire, exchange: () => Promise<void>): Promise<void> {
  await exchange();
  await wire.close();
}

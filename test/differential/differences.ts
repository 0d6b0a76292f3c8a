import type { Trace } from "../support/tracer.ts";

/** A scenario in which Portage differs from the reference on purpose. */
export interface Difference {
  /** Why it is better so. */
  readonly reason: string;
  /** Whole lanes, as the reference has them and as Portage has them; both are asserted. */
  readonly reference: Trace;
  readonly portage: Trace;
}

/** By the name of the scenario. Everything that is not listed here must be equal. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {};

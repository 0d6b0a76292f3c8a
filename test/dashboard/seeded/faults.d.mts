/** A fault, for its test. */
export interface SeededFault {
  /** The codes and the subject that must be on the first screen, for each variant; none for a healthy program. */
  readonly named: ReadonlyArray<readonly [codes: readonly string[], subject: string]>;
  /** How many servers run, for each variant. Default: 1. */
  readonly servers?: readonly number[];
}

export const FAULTS: Readonly<Record<string, SeededFault>>;

/** How a function of the program has failed: it threw, or it returned a promise that was rejected. */
export type FailureKind = "thrown" | "rejected";

/** Hears that a function of the program has failed. */
export type OnFailure = (error: unknown, how: FailureKind) => void;

/** Calls `onRejected` when `result` is a promise that is rejected. */
export function watch(result: unknown, onRejected: (error: unknown) => void): void {
  if (typeof result !== "object" || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then === "function") Reflect.apply(then, result, [undefined, onRejected]);
}

/**
 * The one way to call a function of the program from within the library: what it throws, and what its promise rejects
 * with, goes to `onFailure` and nowhere else.
 *
 * @param self what `this` is for the function
 * @returns what the function returned; undefined when it threw
 */
export function callProgram<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
  args: Args,
  onFailure: OnFailure,
  self?: unknown,
): Result | undefined {
  try {
    const result = Reflect.apply(fn, self, args);
    watch(result, (error) => onFailure(error, "rejected"));
    return result;
  } catch (error) {
    onFailure(error, "thrown");
    return undefined;
  }
}

/** Goes on to the next function of a chain, or gives up with an error. */
export type Next = (error?: unknown) => void;

/** Functions of the program that look at something one after the other, before the library goes on with it. */
export interface Chain<Subject extends readonly unknown[]> {
  readonly links: readonly ((...args: [...Subject, Next]) => unknown)[];
  /** The first arguments of each function. */
  readonly subject: Subject;
  /** Returns whether the end of the chain no longer matters. Called before each step. */
  isOver?(): boolean;
  /** All functions went on, or one gave up with an error. Called once. */
  onEnd(error?: unknown): void;
  /** A function has failed. That ends the chain, unless the function had gone on before. */
  readonly onFailure: OnFailure;
  /** The error with which a failure ends the chain. */
  endOf(error: unknown): unknown;
}

/** Runs a chain. Of each function the first answer counts. */
export function runChain<Subject extends readonly unknown[]>(chain: Chain<Subject>, index = 0): void {
  if (chain.isOver?.()) return;
  const link = chain.links[index];
  if (link === undefined) return chain.onEnd();
  let answered = false;
  const next: Next = (error) => {
    if (answered) return;
    answered = true;
    if (error) chain.onEnd(error);
    else runChain(chain, index + 1);
  };
  callProgram(link, [...chain.subject, next], (error, how) => {
    chain.onFailure(error, how);
    if (answered) return;
    answered = true;
    chain.onEnd(chain.endOf(error));
  });
}

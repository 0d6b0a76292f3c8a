/** How a function of the program has failed: it threw, or its promise was rejected. */
export type FailureKind = "thrown" | "rejected";

/** Called if a function of the program fails. */
export type OnFailure = (error: unknown, how: FailureKind) => void;

/** Calls `onRejected` if `result` is a promise and rejects. */
export function onRejection(result: unknown, onRejected: (error: unknown) => void): void {
  if (typeof result !== "object" || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then === "function") Reflect.apply(then, result, [undefined, onRejected]);
}

/**
 * Calls a function of the program. Passes its exception or rejection to `onFailure`, and nowhere else.
 *
 * @param self `this` for the function
 * @returns the function's return value; undefined if it throws
 */
export function callProgram<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
  args: Args,
  onFailure: OnFailure,
  self?: unknown,
): Result | undefined {
  try {
    const result = Reflect.apply(fn, self, args);
    onRejection(result, (error) => onFailure(error, "rejected"));
    return result;
  } catch (error) {
    onFailure(error, "thrown");
    return undefined;
  }
}

/** Continues with the next function of a chain, or ends the chain with an error. */
export type Next = (error?: unknown) => void;

/** Functions of the program to call one after the other, such as middlewares. */
export interface Chain<Subject extends readonly unknown[]> {
  readonly links: readonly ((...args: [...Subject, Next]) => unknown)[];
  /** The first arguments of each function. */
  readonly subject: Subject;
  /** Returns whether the end of the chain no longer matters. Called before each step. */
  isOver?(): boolean;
  /** Called once, after the last function, or with the first error. */
  onEnd(error?: unknown): void;
  /** Called if a function fails. Ends the chain, unless the function had called `next` before. */
  readonly onFailure: OnFailure;
  /** Returns the error with which a failure ends the chain. */
  endOf(error: unknown): unknown;
}

/** Runs a chain. Only the first answer of each function counts. */
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

import { describe, expect, test } from "vitest";
import { callProgram, type Chain, type Next, runChain } from "../../packages/server/src/base/guarded.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a call of the program's code", () => {
  const failures: unknown[][] = [];
  const onFailure = (...failure: unknown[]): void => void failures.push(failure);
  const failed = (): unknown[][] => failures.splice(0);

  test("returns the function's result, and passes `this` on", () => {
    const self = {};
    const fn = function (this: unknown, value: number): unknown[] {
      return [this, value];
    };
    expect(callProgram(fn, [1], onFailure, self)).toEqual([self, 1]);
    expect(callProgram(fn, [2], onFailure)).toEqual([undefined, 2]);
    expect(failed()).toEqual([]);
  });

  test("reports a thrown error at once", () => {
    const thrower = (): never => {
      throw new Error("thrown");
    };
    expect(callProgram(thrower, [], onFailure)).toBeUndefined();
    expect(failed()).toEqual([[new Error("thrown"), "thrown"]]);
  });

  test("reports a rejection of its promise, once", async () => {
    void callProgram(() => Promise.reject(new Error("rejected")), [], onFailure);
    expect(failed()).toEqual([]);
    await settled();
    expect(failed()).toEqual([[new Error("rejected"), "rejected"]]);
  });

  test("reports a promise that can't be asked", () => {
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    const thenable = Object.defineProperty({}, "then", {
      get() {
        throw new Error("getter");
      },
    });
    callProgram(() => thenable, [], onFailure);
    expect(failed()).toEqual([[new Error("getter"), "thrown"]]);
  });
});

describe("a chain", () => {
  type Link = (subject: string, next: Next) => unknown;
  const run = (links: Link[], rest: Partial<Chain<[string]>> = {}): unknown[] => {
    const seen: unknown[] = [];
    runChain<[string]>({
      links,
      subject: ["subject"],
      onEnd: (...end) => seen.push(["end", ...end]),
      onFailure: (error, how) => seen.push([how, error]),
      endOf: (error) => ["failed", error],
      ...rest,
    });
    return seen;
  };
  const goOn: Link = (_subject, next) => next();

  test("ends once all have gone on", () => {
    const subjects: string[] = [];
    const link: Link = (subject, next) => {
      subjects.push(subject);
      next();
      next("again");
    };
    expect(run([link, link])).toEqual([["end"]]);
    expect(subjects).toEqual(["subject", "subject"]);
  });

  test("ends with the first error, and calls no further link", () => {
    const refuse: Link = (_subject, next) => next("no");
    expect(run([goOn, refuse, () => expect.unreachable()])).toEqual([["end", "no"]]);
  });

  test("ends with a failure, which is reported first", () => {
    const thrower: Link = () => {
      throw 0;
    };
    expect(run([thrower, goOn])).toEqual([
      ["thrown", 0],
      ["end", ["failed", 0]],
    ]);
  });

  test("is not ended by a link that fails after it called next", () => {
    const late: Link = (_subject, next) => {
      next();
      throw "late";
    };
    expect(run([late])).toEqual([["end"], ["thrown", "late"]]);
  });

  test("stops once its end is not needed", () => {
    let steps = 0;
    const link: Link = (_subject, next) => {
      steps += 1;
      next();
    };
    expect(run([link, link, link], { isOver: () => steps === 2 })).toEqual([]);
    expect(steps).toBe(2);
  });
});

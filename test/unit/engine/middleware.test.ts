import { describe, expect, test } from "vitest";
import {
  type MiddlewareExchange,
  type Middleware,
  runMiddlewares,
} from "../../../packages/server/src/engine/http/middleware.ts";
import { endOfTick } from "./fake-host.ts";

const failures: unknown[] = [];
const exchange = { onFailure: (...failure: unknown[]) => failures.push(failure) } as unknown as MiddlewareExchange;

async function run(...middlewares: Middleware[]): Promise<unknown[][]> {
  const outcomes: unknown[][] = [];
  failures.length = 0;
  runMiddlewares(middlewares, exchange, (...args) => outcomes.push(args));
  await new Promise((resolve) => setImmediate(resolve));
  return outcomes;
}

describe("middlewares", () => {
  test("run in order, and lead to one outcome", async () => {
    const order: string[] = [];
    const step =
      (name: string): Middleware =>
      (_req, _res, next) => {
        order.push(name);
        next();
        next();
      };
    expect(await run(step("a"), step("b"))).toEqual([[undefined]]);
    expect(order).toEqual(["a", "b"]);
    expect(await run()).toEqual([[undefined]]);
  });

  test("that fail in any way end the chain with their error", async () => {
    const error = new Error("no");
    const never: Middleware = () => {
      throw new Error("must not run");
    };
    const failing: Array<[Middleware, unknown[]]> = [
      [(_req, _res, next) => next(error), []],
      [
        () => {
          throw error;
        },
        [[error, "thrown"]],
      ],
      [() => Promise.reject(error), [[error, "rejected"]]],
    ];
    for (const [middleware, failure] of failing) {
      expect(await run(middleware, never)).toEqual([[error]]);
      expect(failures).toEqual(failure);
    }
  });

  test("that reject with nothing, or after they went on, have failed as well", async () => {
    const [[error]] = (await run(() => Promise.reject(undefined))) as [[Error]];
    expect(error).toMatchObject({ name: "UsageError", code: "MIDDLEWARE_WITHOUT_ERROR" });
    const late: Middleware = (_req, _res, next) => {
      next();
      return Promise.reject(new Error("late"));
    };
    expect(await run(late)).toEqual([[undefined]]);
    expect(failures).toEqual([[new Error("late"), "rejected"]]);
  });

  test("are not blamed for later errors", async () => {
    let thrown: unknown;
    const guard: Middleware = (_req, _res, next) => {
      try {
        next();
      } catch (error) {
        thrown = error;
      }
    };
    let reached = "no";
    runMiddlewares([guard], exchange, () => (reached = "yes"));
    expect(reached).toBe("no");
    await endOfTick();
    expect(reached).toBe("yes");
    expect(thrown).toBe(undefined);
  });
});

import { describe, expect, test } from "vitest";
import { type Middleware, runMiddlewares } from "../../../packages/server/src/engine/middleware.ts";
import { endOfTick } from "./fake-host.ts";

async function run(...middlewares: Middleware[]): Promise<unknown[][]> {
  const outcomes: unknown[][] = [];
  runMiddlewares(middlewares, {} as never, {} as never, (...args) => outcomes.push(args));
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
    const failing: Middleware[] = [
      (_req, _res, next) => next(error),
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ];
    for (const middleware of failing) expect(await run(middleware, never)).toEqual([[error]]);
  });

  test("are not blamed for what comes after them", async () => {
    let thrown: unknown;
    const guard: Middleware = (_req, _res, next) => {
      try {
        next();
      } catch (error) {
        thrown = error;
      }
    };
    let reached = "no";
    runMiddlewares([guard], {} as never, {} as never, () => (reached = "yes"));
    expect(reached).toBe("no");
    await endOfTick();
    expect(reached).toBe("yes");
    expect(thrown).toBe(undefined);
  });
});

import { afterEach, expect, it, vi } from "vitest";
import { soon } from "../../../../packages/websocket/src/core/soon.ts";
import { turn } from "../../../support/waiting.ts";

afterEach(() => vi.restoreAllMocks());

it("calls once, in order, at the end of the tick", async () => {
  const calls: number[] = [];
  const record = (call: number): number => calls.push(call);
  soon(record, 1);
  soon(record, 2);
  expect(calls).toEqual([]);
  await turn();
  expect(calls).toEqual([1, 2]);
});

it.each([
  ["drops them", () => undefined],
  ["makes them at once", (fn: (argument: unknown) => void, argument: unknown) => fn(argument)],
  [
    "makes them in a turn of its own",
    (fn: (argument: unknown) => void, argument: unknown) => setImmediate(fn, argument),
  ],
])("calls once when a test's nextTick takes calls and %s", async (_title, fake) => {
  const calls: string[] = [];
  const faked = vi.spyOn(process, "nextTick").mockImplementation(fake as typeof process.nextTick);
  soon((call: string) => calls.push(call), "called");
  faked.mockRestore();
  await turn();
  await turn();
  expect(calls).toEqual(["called"]);
});

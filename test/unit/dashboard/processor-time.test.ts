import { expect, test } from "vitest";
import { ProcessorTime } from "../../../packages/server/src/dashboard/sampling/processor-time.ts";

/** A processor that a listener has for some of the time that passes. */
class Processor {
  #now = 0;
  #worked = 0;
  reads = 0;
  readonly time = new ProcessorTime(
    () => this.#now,
    () => {
      this.reads += 1;
      return this.#worked;
    },
  );

  pass(ms: number, worked: number): void {
    this.#now += ms;
    this.#worked += worked;
  }

  /** Returns the work of a listener that takes so long. */
  measure(ms: number, worked: number): number {
    const start = this.time.atStart();
    this.pass(ms, worked);
    return this.time.since(start, ms);
  }
}

test("a listener works as long as it takes, unless a neighbour has the processor", () => {
  const processor = new Processor();
  expect(processor.measure(200, 200)).toBe(200);
  expect(processor.measure(300, 40)).toBe(40);
  processor.pass(10, 10);
  // Threads work as well.
  expect(processor.measure(100, 400)).toBe(100);
});

test("short ones are taken as they are, for few looks at the processor", () => {
  const processor = new Processor();
  for (let i = 0; i < 1000; i++) expect(processor.measure(1, 0.5)).toBe(1);
  expect(processor.reads).toBeLessThan(1000 / 5);
});

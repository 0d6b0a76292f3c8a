import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

/** Bytes, which are exact and do not depend on the load of the machine. */
interface Measured {
  readonly modules: number;
  readonly perEvent: number;
}

describe("the memory behind an event of 64 KiB", () => {
  let measured: Measured;

  beforeAll(async () => {
    const script = fileURLToPath(new URL("event-memory-child.mjs", import.meta.url));
    // Nothing is collected between the two measurements.
    const execArgv = ["--expose-gc", "--min-semi-space-size=16", "--max-semi-space-size=32"];
    const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, script], { timeout: 20_000 });
    measured = JSON.parse(stdout) as Measured;
  });

  test("is the chunk read and one copy, both ways together", () => {
    expect(measured.perEvent).toBeGreaterThan(65_536);
    expect(measured.perEvent).toBeLessThan(2.2 * 65_536);
  });

  // Node.js keeps the text of modules. Beyond 8 MB of heap, V8 collects all of it with every 32 MB of buffers.
  test("leaves room in the heap: the modules of a server are less than 840 KiB", () => {
    expect(measured.modules).toBeGreaterThan(0);
    expect(measured.modules).toBeLessThan(840 * 1024);
  });
});

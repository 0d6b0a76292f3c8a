import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ConformanceCase } from "./case.ts";
import { closeCases } from "./cases-close.ts";
import { frameCases } from "./cases-frames.ts";
import { utf8Cases } from "./cases-utf8.ts";
import { volumeCases } from "./cases-volume.ts";
import { clientSubject, linkSubject, serverSubject, type Subject } from "./subjects.ts";
import { NotStrict } from "./wire.ts";

/**
 * All cases against both roles. The results are compared with `expected-results.json`, so that what gets worse shows, and
 * what gets better has to be written down: with CONFORMANCE_WRITE=1. With CONFORMANCE=full everything is done at the sizes
 * of the Autobahn suite.
 */
const CASES: readonly ConformanceCase[] = [...frameCases, ...utf8Cases, ...closeCases, ...volumeCases];
const EXPECTED = new URL("expected-results.json", import.meta.url);
const writes = process.env["CONFORMANCE_WRITE"] === "1";

type Results = Record<string, string>;
type Table = Record<string, Results>;

async function resultOf(subject: Subject, one: ConformanceCase): Promise<string> {
  const wire = await subject.open(one.extensions);
  try {
    const observed = await one.run(wire);
    return typeof observed === "string" ? `INFORMATIONAL: ${observed}` : "OK";
  } catch (error) {
    const { message } = error as Error;
    return error instanceof NotStrict ? `NON-STRICT: ${message}` : `FAILED: ${message}`;
  } finally {
    await wire.destroy();
  }
}

async function resultsOf(open: () => Promise<Subject>): Promise<{ name: string; results: Results }> {
  const subject = await open();
  const results: Results = {};
  for (const one of CASES) results[one.id] = await resultOf(subject, one);
  await subject.close();
  return { name: subject.name, results };
}

function expected(): Table {
  return JSON.parse(readFileSync(EXPECTED, "utf8")) as Table;
}

/** Writes one column of the table: case after case, the subjects by name. */
function write(name: string, results: Results): void {
  let table: Table = {};
  try {
    table = expected();
  } catch {
    // The first time there is none.
  }
  table[name] = results;
  writeFileSync(EXPECTED, `${JSON.stringify(table, undefined, 2)}\n`);
}

describe("conformance", () => {
  it("has every case once", () => {
    expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length);
  });

  it.each([
    ["WebSocketServer", serverSubject],
    ["acceptUpgrade", linkSubject],
    ["WebSocket", clientSubject],
  ] as const)(
    "%s gives the results that were written down",
    async (_name, open) => {
      const { name, results } = await resultsOf(open);
      if (writes) write(name, results);
      expect(results).toEqual(expected()[name]);
      expect(
        Object.values(results).filter((result) => result.startsWith("NON-STRICT") || result.startsWith("FAILED")),
      ).toEqual([]);
    },
    300_000,
  );
});

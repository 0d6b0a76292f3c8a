import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ConformanceCase } from "./case.ts";
import { closeCases } from "./cases-close.ts";
import { frameCases } from "./cases-frames.ts";
import { utf8Cases } from "./cases-utf8.ts";
import { volumeCases } from "./cases-volume.ts";
import {
  clientSubject,
  connectSubject,
  http2ServerSubject,
  linkSubject,
  serverSubject,
  type Subject,
} from "./subjects.ts";
import { NotStrict } from "./wire.ts";

/**
 * Runs all cases against both roles and compares the results with `expected-results.json`:
 * regressions fail, and improvements must be recorded with CONFORMANCE_WRITE=1. CONFORMANCE=full
 * uses the sizes of the Autobahn suite.
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

/** Writes one column of the table: by case, then by subject. */
function write(name: string, results: Results): void {
  let table: Table = {};
  try {
    table = expected();
  } catch {
    // The first run has no table yet.
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
    ["acceptConnect", connectSubject],
    ["WebSocketServer over HTTP/2", http2ServerSubject],
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

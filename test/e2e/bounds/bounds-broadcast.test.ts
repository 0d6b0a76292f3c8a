import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { EngineReport } from "@portage/server";
import { within } from "../../support/waiting.ts";

interface Dead {
  readonly policy: string;
  /** The round of its disconnection. */
  readonly endedAt?: number;
  readonly connected: boolean;
  readonly dropped: number;
  readonly received: number;
  readonly mistakes: number;
  readonly code?: string;
  readonly limit?: number;
  readonly actual?: number;
}

/** The final report of the child. */
interface Report {
  /** Largest growth of the heap and of external memory, in bytes. */
  readonly most: number;
  /** Bytes that waited, at their worst, and at the end. */
  readonly mostQueued: number;
  readonly waiting: number;
  readonly report: EngineReport;
  /** Clients that got every broadcast, in order. */
  readonly inOrder: number;
  readonly dead: readonly [Dead, Dead, Dead];
}

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

async function run(settings: readonly unknown[]): Promise<Report> {
  const script = fileURLToPath(new URL("bounds-broadcast-child.mjs", import.meta.url));
  const child = fork(script, [JSON.stringify(settings)], { execArgv: ["--expose-gc"] });
  children.push(child);
  const [report] = (await within(once(child, "message"), "the report", 50_000)) as [Report];
  return report;
}

test(
  "broadcasts to 10,000 clients reach all that read, whatever a few do that don't",
  { timeout: 60_000 },
  async () => {
    const [clients, rounds, bytes] = [10_000, 40, 5000];
    const slowReader = { soft: 30_000, hard: 90_000 };
    const { dead, report, ...found } = await run([clients, rounds, bytes, slowReader]);

    expect(found.inOrder).toBe(clients - 3);
    // Two hundred kilobytes were sent to each. The queues of the dead ones remain, and shared data counts once: they share most.
    expect(found.mostQueued).toBeLessThan(slowReader.hard + slowReader.soft + 2 * bytes);
    expect(found.most).toBeLessThan(3e6);

    const [keeps, drops, disconnects] = dead;
    expect(keeps).toMatchObject({ policy: "keep", connected: false, code: "SLOW_READER", limit: slowReader.hard });
    expect(keeps.actual).toBeGreaterThan(slowReader.hard);
    expect(disconnects).toMatchObject({ connected: false, code: "SLOW_READER", limit: slowReader.soft });
    expect(disconnects.endedAt).toBeLessThan(keeps.endedAt as number);
    // The third one misses the newest events while it is slow, and gets the others in order once it reads.
    expect(drops).toMatchObject({ policy: "drop-newest", connected: true, mistakes: 0 });
    expect(drops.dropped).toBeGreaterThan(rounds / 2);
    expect(drops.received + drops.dropped).toBe(rounds);
    expect(found.waiting).toBeLessThanOrEqual(slowReader.soft + 2 * bytes);

    expect(report.sessions).toMatchObject({ open: clients - 2, closed: { SLOW_READER: 2 } });
    expect(report.limits).toEqual({ SLOW_READER: 3, EVENT_DROPPED: drops.dropped });
    expect(report.bytes.waiting).toBe(0);
  },
);

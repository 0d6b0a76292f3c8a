import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../../support/clients.ts";
import { endPrograms, WorkersChild } from "../../support/cluster/workers-child.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;
const folder = mkdtempSync(join(tmpdir(), "portage-workers-"));
const brokenBy = join(folder, "broken");
afterEach(() => {
  endPrograms();
  rmSync(brokenBy, { force: true });
});

/** The pid of the worker that answers; each request has a connection of its own. */
async function answering(url: string): Promise<number> {
  const response = await fetch(url, { headers: { Connection: "close" } });
  return Number(await response.text());
}

test("workers share the port, and all of them answer", async () => {
  const program = new WorkersChild({ options: { workers: 2 } });
  const pids = await program.up(2);
  const answered = new Set<number>();
  for (let index = 0; index < 4; index += 1) answered.add(await answering(program.url));
  expect(answered).toEqual(new Set(pids));
  program.signal("SIGTERM");
  expect(await within(program.ended, "the end")).toEqual([0, null]);
});

test("a worker that is killed is restarted at once, the next time after 100 ms; others serve on", async () => {
  const program = new WorkersChild({ options: { workers: 2 } });
  const [first, second] = (await program.up(2)) as [number, number];
  process.kill(first, "SIGKILL");
  const restart = { event: "restart", code: null, signal: "SIGKILL" };
  expect(await program.until({ event: "restart" })).toEqual({ ...restart, pid: first, delay: 0 });
  const [third] = (await program.up(1)) as [number];
  process.kill(third, "SIGKILL");
  expect(await program.until({ event: "restart" })).toEqual({ ...restart, pid: third, delay: 100 });
  expect(await answering(program.url)).toBe(second);
  await program.up(1);
  const answered = new Set([await answering(program.url), await answering(program.url)]);
  expect(answered.size).toBe(2);
  expect(answered).toContain(second);
});

test("workers that do not start end the program, with the reason", async () => {
  writeFileSync(brokenBy, "");
  const program = new WorkersChild({ brokenBy, options: { workers: 1, maxFailedStarts: 3 } });
  expect(await program.until({ event: "failed" })).toMatchObject({ code: "WORKERS_CRASH_LOOP" });
  expect(await within(program.ended, "the end")).toEqual([1, null]);
  expect(program.lines.filter(({ event }) => event === "restart").map(({ delay }) => delay)).toEqual([0, 100, 200]);
  expect(program.complaints).toContain("WORKERS_CRASH_LOOP");
  expect(program.complaints).toContain("this version is broken");
});

describe("SIGTERM", () => {
  test.each(Object.entries(WAYS))("moves clients away over %s, and exits with 0", async (_name, way) => {
    const program = new WorkersChild({ options: { workers: 1, drain: 3000 } });
    await program.up(1);
    const client = connect(program.url, { ...way, reconnection: false });
    await nextEvent(client, "connect");
    const gone = nextEvent(client, "disconnect");
    program.signal("SIGTERM");
    await gone;
    expect(await within(program.ended, "the end")).toEqual([0, null]);
    client.disconnect();
  });

  test("twice ends at once", async () => {
    const program = new WorkersChild({ hangs: true, options: { workers: 2, drain: 60_000 } });
    await program.up(2);
    program.signal("SIGTERM");
    await program.until({ event: "worker", state: "leaving" });
    await program.until({ event: "worker", state: "leaving" });
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([143, null]);
  });

  test("a worker that does not close in time ends all the same, and the exit code says so", async () => {
    const program = new WorkersChild({ hangs: true, options: { workers: 1, drain: 0 } });
    await program.up(1);
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([1, null]);
  });

  test("sent to one worker, has it drained and restarted", async () => {
    const program = new WorkersChild({ options: { workers: 1 } });
    const [pid] = (await program.up(1)) as [number];
    process.kill(pid, "SIGTERM");
    expect(await program.until({ event: "restart" })).toMatchObject({ pid, code: 0, delay: 0 });
    await program.up(1);
  });

  test("while workers start ends them too", async () => {
    const program = new WorkersChild({ options: { workers: 2 } });
    await program.until({ event: "started" });
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([0, null]);
    expect(program.lines.filter(({ event }) => event === "restart")).toEqual([]);
  });
});

test("a terminal's Ctrl-C reaches all processes, and ends them in order", async () => {
  const program = new WorkersChild({ options: { workers: 2 } });
  await program.up(2);
  const client = connect(program.url, { ...WAYS["websocket only"], reconnection: false });
  await nextEvent(client, "connect");
  const gone = nextEvent(client, "disconnect");
  program.signalAll("SIGINT");
  await gone;
  expect(await within(program.ended, "the end")).toEqual([0, null]);
});

test("workers end with their primary", async () => {
  const program = new WorkersChild({ options: { workers: 2 } });
  await program.up(2);
  program.signal("SIGKILL");
  expect(await within(program.ended, "the end")).toEqual([null, "SIGKILL"]);
});

describe("SIGHUP", () => {
  test("replaces all workers, and the port always answers", async () => {
    const program = new WorkersChild({ options: { workers: 2 } });
    const old = await program.up(2);
    program.signal("SIGHUP");
    const answered: number[] = [];
    const rolled = program.up(2).then(async (pids) => {
      await program.count(2, { event: "worker", state: "ended" });
      return pids;
    });
    let next: number[] | undefined;
    while (next === undefined) {
      answered.push(await answering(program.url));
      next = await Promise.race([rolled, turn().then(() => undefined)]);
    }
    expect(answered.length).toBeGreaterThan(0);
    expect(next.filter((pid) => old.includes(pid))).toEqual([]);
    expect(next).toContain(await answering(program.url));
  }, 120_000);

  test("a version that does not start changes nothing, and is tried again by the next one", async () => {
    const program = new WorkersChild({ brokenBy, options: { workers: 2 } });
    const old = await program.up(2);
    writeFileSync(brokenBy, "");
    program.signal("SIGHUP");
    expect(await program.until({ event: "failed" })).toMatchObject({ code: "ROLL_FAILED" });
    expect(old).toContain(await answering(program.url));
    rmSync(brokenBy);
    program.signal("SIGHUP");
    expect(await program.up(2)).toHaveLength(2);
  }, 120_000);
});

import { afterEach, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../support/clients.ts";
import { countTo, join, leaveAll, Listener, outcome, roll, startSenders } from "../support/cluster/rolling.ts";
import { endPrograms, WorkersChild } from "../support/cluster/workers-child.ts";
import { within } from "../support/waiting.ts";
import { isShort } from "./run.ts";

const OURS = CLIENTS["@portage/client"] as Connect;
const THEIRS = CLIENTS["socket.io-client 4.8"] as Connect;

afterEach(() => {
  leaveAll();
  endPrograms();
});

/** Each worker is replaced once, so that a client moves once or twice. */
const MOST_MOVES = 2;

/**
 * A session that is moved away still handles what its client had sent, but can't acknowledge it any more. A client that repeats
 * what was not acknowledged sends it again, so that the server may hear it once more for each move. A worker that gets little
 * time hears it after its successor, which then has heard later numbers: the order counts where a number is heard first.
 */
test.skipIf(isShort).each(["auto", "tunnel"] as const)(
  "while SIGHUP rolls, nothing is lost or out of order: %s",
  async (upgrades) => {
    const program = new WorkersChild({
      program: "workers-sessions-program.mjs",
      upgrades,
      options: { workers: 2, drain: 500 },
    });
    const old = await program.up(2);
    const senders = await startSenders(program, THEIRS, 6);
    const next = await roll(program);
    expect(next.filter((pid) => old.includes(pid))).toEqual([]);
    for (const [index, sender] of senders.entries()) {
      const { acknowledged, heard } = await outcome(program, sender, index);
      const sent = countTo(acknowledged.length);
      expect(acknowledged).toEqual(sent);
      expect([...new Set(heard)]).toEqual(sent);
      expect(heard.length - sent.length).toBeLessThanOrEqual(MOST_MOVES);
    }
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([0, null]);
  },
  120_000,
);

test.skipIf(isShort).each([
  ["auto", 0],
  ["tunnel", 15],
] as const)(
  "while SIGHUP rolls twice, each event of our client arrives once, and all broadcasts: %s, answers after %i ms",
  async (upgrades, answerAfter) => {
    const program = new WorkersChild({
      program: "workers-sessions-program.mjs",
      upgrades,
      recovery: {},
      answerAfter,
      newsEvery: 20,
      options: { workers: 2, drain: 8000 },
    });
    await program.up(2);
    const senders = await startSenders(program, OURS, 6);
    const others = Object.values(WAYS).map((way) => join(program, THEIRS, "other", way));
    const listeners = [...senders.map(({ socket }) => socket), ...(await Promise.all(others))].map(
      (socket) => new Listener(socket),
    );
    await roll(program);
    await roll(program);
    expect(listeners.map(({ faults, beginnings }) => [faults, beginnings])).toEqual(listeners.map(() => [[], 0]));
    for (const { heard } of listeners) expect(heard).toBeGreaterThan(100);
    for (const [index, sender] of senders.entries()) {
      const { acknowledged, heard } = await outcome(program, sender, index);
      const sent = countTo(acknowledged.length);
      expect({ acknowledged, heard }).toEqual({ acknowledged: sent, heard: sent });
    }
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([0, null]);
  },
  120_000,
);

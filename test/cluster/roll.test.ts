import type { Socket } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../support/clients.ts";
import { countTo, join, leaveAll, Listener, outcome, roll, startSenders } from "../support/cluster/rolling.ts";
import { endPrograms, WorkersChild } from "../support/cluster/workers-child.ts";
import { by, isShort, PATIENT, say } from "./run.ts";

// All workers are replaced, twice, while clients send and hear. Our clients send until each event is acknowledged, clients of
// socket.io send once. workers-roll.test.ts has fewer clients.

const OURS = CLIENTS["@portage/client"] as Connect;
const THEIRS = CLIENTS["socket.io-client 4.8"] as Connect;
const WORKERS = 4;

afterEach(() => {
  leaveAll();
  endPrograms();
});

/** Sends numbers without an acknowledgement. The returned function stops it, and returns their count. */
function sendPlainly(socket: Socket): () => number {
  let number = 0;
  const timer = setInterval(() => socket.connected && socket.emit("tell", number++), 25);
  return () => {
    clearInterval(timer);
    return number;
  };
}

test.skipIf(isShort)("two rolls of four workers under load", PATIENT, async () => {
  const program = new WorkersChild({
    program: "workers-sessions-program.mjs",
    recovery: {},
    answerAfter: 5,
    newsEvery: 20,
    options: { workers: WORKERS, drain: 12_000 },
  });
  await program.up(WORKERS);
  const count = by({ short: 6, medium: 60, long: 300 });
  const senders = await startSenders(program, OURS, count);
  const plain: Socket[] = [];
  for (let index = 0; index < count / 2; index += 1) {
    const ways = Object.values(WAYS);
    plain.push(await join(program, THEIRS, `plain ${index}`, ways[index % ways.length] as object));
  }
  const stops = plain.map(sendPlainly);
  const listeners = [...senders.map(({ socket }) => socket), ...plain].map((socket) => new Listener(socket));
  await roll(program, WORKERS);
  await roll(program, WORKERS);
  for (const [index, sender] of senders.entries()) {
    const { acknowledged, heard } = await outcome(program, sender, index);
    const sent = countTo(acknowledged.length);
    const first = [...new Set(heard)];
    expect({ acknowledged, first }).toEqual({ acknowledged: sent, first: sent });
    // Once in a session. On a busy machine a client may come back too late for its session.
    expect(heard.length - sent.length).toBeLessThanOrEqual(listeners[index]?.beginnings ?? 0);
  }
  expect(listeners.flatMap(({ faults }) => faults)).toEqual([]);
  const beginnings = listeners.reduce((all, listener) => all + listener.beginnings, 0);
  expect(beginnings).toBeLessThanOrEqual(listeners.length / 10);
  say("new sessions", beginnings);
  const sent = stops.map((stop) => stop());
  let arrived = 0;
  for (const index of plain.keys()) {
    const lines = program.lines.filter(({ event, client }) => event === "told" && client === `plain ${index}`);
    const numbers = lines.map(({ number }) => number as number);
    // At most once, and in order.
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
    arrived += numbers.length;
  }
  say("events of socket.io's clients, and those that arrived", [sent.reduce((all, one) => all + one, 0), arrived]);
});

import type { Socket } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { ask, CLIENTS, type Connect } from "../../support/clients.ts";
import { endPrograms, WorkersChild } from "../../support/cluster/workers-child.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { nextEvent, within } from "../../support/waiting.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  endPrograms();
});

/**
 * Connects over polling, and waits for the upgrade. Connections go to three workers in turn; with two, the one for the upgrade
 * would always get to the session's.
 */
async function upgraded(url: string, options = {}): Promise<Socket> {
  const client = connect(url, { ...options, transports: ["polling", "websocket"] });
  clients.push(client);
  await nextEvent(client, "connect");
  if (client.io.engine.transport.name !== "websocket") await nextEvent(client.io.engine, "upgrade");
  return client;
}

/** Sends numbers that come back, and returns them. */
function numbers(client: Socket, count: number): Promise<number[]> {
  const heard: number[] = [];
  const all = new Promise<number[]>((resolve) =>
    client.on("number", (number: number) => {
      heard.push(number);
      if (heard.length === count) resolve(heard);
    }),
  );
  for (let number = 0; number < count; number += 1) client.emit("number", number);
  return within(all, `${count} numbers`);
}

/** Counts the connections that the HTTP servers of the workers have: a socket that was passed is not among them. */
async function connectionsOf(some: readonly Socket[]): Promise<number> {
  const counts = new Map<number, number>();
  for (const client of some) counts.set(await ask(client, "pid"), await ask(client, "connections"));
  return [...counts.values()].reduce((sum, count) => sum + count);
}

describe.each(["runWorkers", "setupPrimary", "plain"] as const)("the primary: %s", (primary) => {
  test("WebSockets get to the worker with the session, and carry 1,000 messages in order", async () => {
    const program = new WorkersChild({ program: "workers-sessions-program.mjs", primary, options: { workers: 3 } });
    const pids = await program.up(3);
    const some: Socket[] = [];
    for (let index = 0; index < 12; index += 1) some.push(await upgraded(program.url));
    for (const client of some) expect(pids).toContain(await ask<number>(client, "pid"));
    const expected = Array.from({ length: 1000 }, (_, number) => number);
    for (const heard of await Promise.all(some.map((client) => numbers(client, 1000)))) expect(heard).toEqual(expected);
    if (primary === "plain") expect(await connectionsOf(some)).toBe(some.length);
    else expect(await connectionsOf(some)).toBeLessThan(some.length);
    if (primary !== "plain") {
      program.signal("SIGTERM");
      expect(await within(program.ended, "the end")).toEqual(primary === "runWorkers" ? [0, null] : [null, "SIGTERM"]);
    }
  }, 120_000);
});

test("TLS sockets are tunnelled", async () => {
  const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE };
  const program = new WorkersChild({ program: "workers-sessions-program.mjs", tls, options: { workers: 3 } });
  await program.up(3);
  const url = program.url.replace("http:", "https:");
  const some: Socket[] = [];
  for (let index = 0; index < 8; index += 1) some.push(await upgraded(url, { rejectUnauthorized: false }));
  for (const client of some) expect(await numbers(client, 100)).toHaveLength(100);
  expect(await connectionsOf(some)).toBe(some.length);
});

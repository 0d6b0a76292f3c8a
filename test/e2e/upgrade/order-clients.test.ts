import type { Socket } from "socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS, type Connect } from "../../support/clients.ts";
import { serve, type Running } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const TOTAL = 1000;
const ROUNDS = 2;
let server: Running;

beforeAll(async () => {
  server = await serve(subject, { allowEIO3: true });
});
afterAll(() => server.stop());

const numbers = Array.from({ length: TOTAL }, (_value, index) => index);

async function upgraded(isUpgraded: () => boolean): Promise<void> {
  const done = async (): Promise<void> => {
    while (!isUpgraded()) await turn();
  };
  await within(done(), "the upgrade");
}

/** Sends in small portions, so that some leave before, some during, and some after the upgrade. */
async function trickle(send: (index: number) => void, portion: number, isUpgraded: () => boolean): Promise<number> {
  let sentBefore = 0;
  for (let index = 0; index < TOTAL; index++) {
    send(index);
    if (!isUpgraded()) sentBefore++;
    if (index % portion === portion - 1) await turn();
    // Sends some after the commit.
    if (index === TOTAL - 100) await upgraded(isUpgraded);
  }
  return sentBefore;
}

async function collect(
  emitter: { on(event: string, listener: (index: number) => void): unknown },
  who: string,
): Promise<number[]> {
  const got: number[] = [];
  const all = new Promise<void>((resolve) => {
    emitter.on("number", (index) => {
      got.push(index);
      if (got.length >= TOTAL) resolve();
    });
  });
  await within(all, () => `${TOTAL} messages at the ${who}; ${got.length} came`);
  return got;
}

async function round(connect: Connect, portion: number): Promise<number> {
  const connection = nextEvent<[Socket]>(server.io, "connection");
  const client = connect(server.url);
  const atClient = collect(client, "client");
  const [socket] = await connection;
  const atServer = collect(socket, "server");
  const isUpgraded = (): boolean => socket.conn.transport.name === "websocket";
  if (!client.connected) await nextEvent(client, "connect");
  const [before] = await Promise.all([
    trickle((index) => socket.emit("number", index), portion, isUpgraded),
    trickle((index) => client.emit("number", index), portion, isUpgraded),
  ]);
  expect(await atClient).toEqual(numbers);
  expect(await atServer).toEqual(numbers);
  client.disconnect();
  return before;
}

describe.each(Object.entries(CLIENTS))("%s", (_version, connect) => {
  test.each([1, 10, 50])("1,000 events each way around the upgrade, %i at a time", async (portion) => {
    let before = 0;
    for (let count = 0; count < ROUNDS; count++) before += await round(connect, portion);
    expect(before, "events sent before the upgrade was done").toBeGreaterThan(0);
  });
});

import { expect, test } from "vitest";
import type { Socket } from "@portage/server";
import { nextEvent } from "../../support/waiting.ts";
import { badInputServer, joinPolling } from "../bad/server.ts";

const server = badInputServer({ maxPayloadPackets: 100 } as object);

/** Joins with a pending poll, then posts. */
async function post(body: string, query: Record<string, string> = {}) {
  const connection = nextEvent<[Socket]>(server.running.io, "connection");
  const client = await joinPolling(server, 4, query);
  const [socket] = await connection;
  const received: unknown[] = [];
  socket.onAny((...event: unknown[]) => received.push(event));
  const poll = client.beginPoll();
  await poll.arrived;
  const ended = nextEvent<[string]>(socket, "disconnect");
  const reply = await client.postBody(body);
  return { client, socket, received, poll, ended, reply };
}

const events = (count: number): string => Array.from({ length: count }, (_, at) => `42["x",${at}]`).join("\u001e");

test("a POST of too many packets ends the session with a reason; packets within the limit are delivered", async () => {
  const { client, socket, received, poll, ended } = await post(events(150), { reasons: "1" });
  expect(await ended).toEqual(["parse error", expect.any(Error)]);
  expect(received).toHaveLength(100);
  expect(socket.closeReason).toMatchObject({
    reason: "parse error",
    code: "TOO_MANY_PACKETS",
    message: "the client sent more than maxPayloadPackets packets in one POST",
    side: "client",
    cause: "ENGINE_TOO_MANY_PACKETS",
    limit: 100,
    actual: 101,
    transport: "polling",
  });
  expect((await poll.packets).at(-1)).toBe("11008 TOO_MANY_PACKETS: 101 of 100");
  expect((await client.postBody("4a")).status).toBe(400);
});

test("a client that does not read reasons gets the close packet alone", async () => {
  const { poll } = await post(events(150));
  expect((await poll.packets).at(-1)).toBe("1");
});

test("a POST with the allowed number is accepted", async () => {
  const { reply, client } = await post(events(100));
  expect(reply.status).toBe(200);
  await client.post("1");
});

import { expect, test } from "vitest";
import type { Socket } from "socket.io";
import { nextEvent } from "../../support/waiting.ts";
import { badInputServer, joinPolling } from "../bad/server.ts";

const server = badInputServer({ maxHttpBufferSize: 1e6 });

test("one POST of very many events leaves room for everybody else, and keeps their order", async () => {
  const count = 50_000;
  const connection = nextEvent<[Socket]>(server.running.io, "connection");
  const client = await joinPolling(server);
  const [socket] = await connection;
  const received: number[] = [];
  let turns = 0;
  const onTurn = (): void => {
    turns++;
    if (received.length < count) setImmediate(onTurn);
  };
  socket.on("x", (index: number) => {
    if (received.push(index) === 1) onTurn();
  });
  const reply = await client.postBody(Array.from({ length: count }, (_, index) => `42["x",${index}]`).join("\u001e"));
  expect(reply.status).toBe(200);
  expect(received).toEqual(Array.from({ length: count }, (_, index) => index));
  expect(turns).toBeGreaterThanOrEqual(count / 500);
  await client.post("1");
});

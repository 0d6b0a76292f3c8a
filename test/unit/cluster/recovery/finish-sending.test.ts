import { expect, test } from "vitest";
import { Nomad } from "../nomad.ts";
import { type RecoveryNode, startNodes } from "./recovery-bench.ts";

test("a client that has got events ahead of its node gets none of them again when its node disconnects it", async () => {
  const bench = await startNodes("aaaa", "bbbb");
  const [a, b] = bench.nodes as [RecoveryNode, RecoveryNode];
  const client = new Nomad();
  await client.connect(a);
  b.log.lag = { commands: 1, subscription: 1000 };
  b.io.emit("one");
  await bench.rest();
  b.io.emit("two");
  await client.lose(1);
  await bench.rest();
  expect(await client.connect(b, () => bench.pass(1))).toBe(true);
  expect(client.events).toEqual([["one"], ["two"]]);
  b.io.emit("three");
  await bench.rest();
  b.io.emit("four");
  b.io.sockets.sockets.get(client.sid)!.disconnect();
  const said = await client.peer.hear();
  expect(said.pop()).toBe("1");
  client.take(said);
  expect(client.events).toEqual([["one"], ["two"], ["three"], ["four"]]);
});

test("a socket that is disconnected gets first what was sent to it before: answers, questions and local events", async () => {
  const bench = await startNodes("aaaa");
  const [{ io }] = bench.nodes as [RecoveryNode];
  io.on("connection", (socket) => {
    socket.on("leave", (answer: (text: string) => void) => {
      io.emit("one");
      answer("good-bye");
      io.local.emit("two", 2);
      socket.emit("three", () => undefined);
      socket.emit("four");
      socket.disconnect();
    });
  });
  const client = new Nomad();
  await client.connect(bench.nodes[0]!);
  const other = new Nomad();
  await other.connect(bench.nodes[0]!);
  await client.peer.say('27["leave"]');
  // Events of the log have an offset; without a place in it, they have "-".
  expect(await client.peer.hear()).toEqual([
    '2["one","-"]',
    '37["good-bye"]',
    '2["two",2]',
    '20["three"]',
    '2["four","-"]',
    "1",
  ]);
  await bench.rest();
  expect(await client.peer.hear()).toEqual([]);
  expect(await other.peer.hear()).toEqual([expect.stringMatching(/^2\["one","\w{5}"\]$/), '2["two",2]']);
});

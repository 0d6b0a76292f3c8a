import { describe, expect, test } from "vitest";
import { Nomad } from "../nomad.ts";
import { type RecoveryBench, type RecoveryNode, startNodes } from "./recovery-bench.ts";

type Joined = Awaited<ReturnType<RecoveryNode["bench"]["join"]>>;

/** A client of the second node. Links deliver at once, and what comes over the log takes some time. */
async function start(lag = 20): Promise<{ bench: RecoveryBench; a: RecoveryNode; b: RecoveryNode } & Joined> {
  const bench = await startNodes("aaaa", "bbbb");
  const [a, b] = bench.nodes as [RecoveryNode, RecoveryNode];
  const joined = await b.bench.join();
  await bench.rest();
  b.log.lag = { commands: 1, subscription: lag };
  return { bench, a, b, ...joined };
}

/** What a client hears: names of events, with the number of an acknowledgement and without offsets. */
const namesOf = (messages: readonly unknown[]): string[] =>
  messages.flatMap((text) => /^2\d*\["(\w+)"/.exec(String(text))?.[1] ?? []);

describe("the sockets of another node, in the order of the program", () => {
  test("join and leave rooms between events", async () => {
    const { bench, a, peer, socket } = await start();
    const all = a.io.in(socket.id);
    a.io.to("red").emit("early");
    all.socketsJoin("red");
    a.io.to("red").emit("joined");
    all.socketsLeave("red");
    a.io.to("red").emit("late");
    a.io.emit("end");
    await bench.rest();
    expect(namesOf(await peer.hear())).toEqual(["joined", "end"]);
    expect(socket.rooms).toEqual(new Set([socket.id]));
  });

  test("get what was emitted before they are disconnected", async () => {
    const { bench, a, peer } = await start();
    a.io.emit("bye");
    a.io.disconnectSockets(true);
    await bench.rest();
    expect(namesOf(await peer.hear())).toEqual(["bye"]);
    expect(peer.isConnected).toBe(false);
  });

  test("get events that are acknowledged", async () => {
    const { bench, a, peer } = await start();
    a.io.emit("one");
    const answers = a.io.timeout(1000).emitWithAck("two");
    a.io.emit("three");
    await bench.rest();
    const heard = await peer.hear();
    expect(namesOf(heard)).toEqual(["one", "two", "three"]);
    const id = heard.map((text) => /^2(\d+)\["two"/.exec(String(text))?.[1]).join("");
    await peer.say(`3${id}["yes"]`);
    expect(await answers).toEqual(["yes"]);
  });

  test("get volatile events after what was emitted before", async () => {
    const { bench, a, b, peer } = await start();
    const other = await b.bench.join();
    await Promise.all([other.socket.join("red"), bench.rest()]);
    a.io.except("red").emit("one");
    a.io.to("red").volatile.emit("two");
    for (let ms = 0; ms < 10; ms++) {
      bench.pass(1);
      expect(namesOf([...(await peer.hear()), ...(await other.peer.hear())])).toEqual([]);
    }
    await bench.rest();
    expect(namesOf([...(await peer.hear()), ...(await other.peer.hear())])).toEqual(["one", "two"]);
  });

  test("are found in the rooms that they were given", async () => {
    const { bench, a, socket } = await start();
    a.io.in(socket.id).socketsJoin("red");
    const found = a.io.in("red").fetchSockets();
    await bench.rest();
    expect((await found).map(({ id }) => id)).toEqual([socket.id]);
  });
});

test("a client that returns gets the events between commands", async () => {
  const { bench, a, b, socket } = await start(1);
  const client = new Nomad();
  await client.connect(a);
  await bench.rest();
  await client.lose();
  a.io.emit("one");
  a.io.in(socket.id).socketsJoin("red");
  a.io.timeout(1000).emit("ask", () => undefined);
  a.io.emit("two");
  await bench.rest();
  expect(await client.connect(b, () => bench.pass(1))).toBe(true);
  a.io.in(socket.id).socketsLeave("red");
  await bench.rest();
  await client.lose();
  expect(await client.connect(a, () => bench.pass(1))).toBe(true);
  expect(client.events).toEqual([["one"], ["two"]]);
});

describe("while the log is away", () => {
  test("commands go over the links after a second, and count once", async () => {
    const { bench, a, b, peer, socket } = await start();
    let joins = 0;
    b.io.of("/").adapter.on("join-room", (room) => (joins += Number(room === "red")));
    a.log.cut();
    a.io.in(socket.id).socketsJoin("red");
    a.io.timeout(10_000).emit("ask", () => undefined);
    await bench.rest();
    expect(socket.rooms.has("red")).toBe(false);
    bench.pass(1100);
    await bench.rest();
    expect([socket.rooms.has("red"), namesOf(await peer.hear())]).toEqual([true, ["ask"]]);
    a.io.in(socket.id).socketsLeave("red");
    await bench.rest();
    expect(socket.rooms.has("red")).toBe(false);
    a.log.mend();
    bench.pass(1000);
    await bench.rest();
    expect([joins, namesOf(await peer.hear())]).toEqual([1, []]);
  });
});

describe("a socket of the same node", () => {
  test("gets what was emitted to a room before it left, and nothing later", async () => {
    const { bench, b, peer, socket } = await start();
    await Promise.all([socket.join("red"), bench.rest()]);
    b.io.to("red").emit("before");
    void socket.leave("red");
    b.io.to("red").emit("after");
    await bench.rest();
    expect(namesOf(await peer.hear())).toEqual(["before"]);
  });
});

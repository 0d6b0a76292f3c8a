import { expect, test } from "vitest";
import { Bench, settle } from "./peer.ts";

// Clients of Socket.IO 2: Engine.IO 3, Socket.IO protocol 4.
const old = { protocol: 3 } as const;

test("the main namespace is joined unasked; ids come from the session", async () => {
  const bench = new Bench();
  bench.io.of("/a");
  const peer = bench.peer(old);
  await settle();
  expect(await peer.hear()).toEqual(["0"]);
  await peer.say("0/a,");
  expect(await peer.hear()).toEqual(["0/a,"]);
  expect([...bench.io.sockets.sockets.keys()]).toEqual([peer.session.id]);
  expect([...bench.io.of("/a").sockets.keys()]).toEqual([`/a#${peer.session.id}`]);
});

test("credentials come in the query of the namespace", async () => {
  const bench = new Bench();
  bench.io.of("/a");
  const peer = bench.peer(old);
  await peer.say("0/a?token=1&name=a+b%20c,");
  const [socket] = bench.io.of("/a").sockets.values();
  expect(socket?.handshake.auth).toEqual({ token: "1", name: "a b c" });
  socket?.on("x", (done: (answer: string) => void) => done("y"));
  await peer.say('2/a,7["x"]');
  expect(await peer.hear()).toEqual(["0", "0/a,", '3/a,7["y"]']);
});

test("refusals are strings, or the data of the error", async () => {
  const bench = new Bench();
  bench.io.of("/text").use((_socket, next) => next(new Error("no")));
  bench.io.of("/data").use((_socket, next) => next(Object.assign(new Error("no"), { data: { code: 7 } })));
  const peer = bench.peer(old);
  expect(await peer.hear()).toEqual(["0"]);
  for (const name of ["text", "data", "unknown"]) await peer.say(`0/${name},`);
  expect(await peer.hear()).toEqual(['4/text,"no"', '4/data,{"code":7}', '4/unknown,{"message":"Invalid namespace"}']);
});

test("broadcasts reach clients of both protocols", async () => {
  const bench = new Bench();
  const peer = bench.peer(old);
  const { peer: modern } = await bench.join();
  bench.io.emit("x", 1);
  expect(await peer.hear()).toEqual(["0", '2["x",1]']);
  expect(await modern.hear()).toEqual(['2["x",1]']);
});

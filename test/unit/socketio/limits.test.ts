import { afterEach, describe, expect, test, vi } from "vitest";
import { Bench, settle } from "./peer.ts";

const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
afterEach(() => warnings.mockClear());

describe("namespaces", () => {
  test("of one connection: one more is refused with a code, and the others go on", async () => {
    const bench = new Bench({ maxNamespaces: 3 });
    bench.io.of(/^\/n\d+$/);
    const { peer } = await bench.join();
    await peer.say("0/n1,", "0/n2,", "0/n3,");
    const answers = (await peer.hear()).map(String);
    expect(answers.filter((answer) => answer.startsWith("0/"))).toHaveLength(2);
    expect(answers).toContain(
      '4/n3,{"message":"the client has reached maxNamespaces","data":{"code":"TOO_MANY_NAMESPACES"}}',
    );
    expect(bench.engine.stats.limits).toEqual({ TOO_MANY_NAMESPACES: 1 });
    await peer.say("1/n1,", "0/n3,");
    expect(String((await peer.hear())[0])).toMatch(/^0\/n3,/);
  });

  test("have credentials of a megabyte in all, for as long as they are joined", async () => {
    const bench = new Bench({ maxAuthSize: 5000 });
    for (const name of ["/n1", "/n2", "/n3"]) bench.io.of(name);
    const auth = (size: number): string => JSON.stringify({ token: "x".repeat(size) });
    const { peer } = await bench.join();
    await peer.say(`0/n1,${auth(9000)}`, `0/n2,${auth(2000)}`, `0/n3,${auth(900)}`);
    const answers = (await peer.hear()).map(String);
    expect(answers.map((answer) => answer.slice(0, 4))).toEqual(["4/n2", "0/n1", "0/n3"]);
    expect(answers[0]).toContain('"data":{"code":"AUTH_TOO_LARGE"}');
    expect(bench.engine.stats.limits).toEqual({ AUTH_TOO_LARGE: 1 });
    await peer.say("1/n1,", `0/n2,${auth(2000)}`, `0/n1,${auth(2000)}`, `0/n1,${auth(4000)}`);
    expect((await peer.hear()).map((answer) => String(answer).slice(0, 4))).toEqual(["4/n1", "0/n2"]);
    expect(bench.io.of("/n1").sockets.size).toBe(0);
  });

  test("made for clients: empty ones go for new ones, then one more is refused", async () => {
    const bench = new Bench({ maxDynamicNamespaces: 2 });
    bench.io.of(/^\/n\d+$/);
    const { peer } = await bench.join("/n1");
    await peer.say("0/n2,", "1/n2,", "0/n3,");
    await settle();
    expect([...bench.io._nsps.keys()]).toEqual(["/", "/n1", "/n3"]);
    await peer.hear();
    await peer.say("0/n4,");
    expect(String((await peer.hear())[0])).toContain('"code":"TOO_MANY_DYNAMIC_NAMESPACES"');
    await peer.say("0/none,");
    expect(await peer.hear()).toEqual(['4/none,{"message":"Invalid namespace"}']);
  });
});

describe("a client that the server puts out of ever new namespaces", () => {
  test("may have packets on their way for as many as it may join", async () => {
    const bench = new Bench({ maxNamespaces: 3 });
    bench.io.of(/^\/n\d+$/).on("connection", (socket) => socket.disconnect());
    const { peer } = await bench.join();
    for (let number = 1; number <= 4; number++) await peer.say(`0/n${number},`);
    await peer.say('2/n2,["late"]', '2/n3,["late"]', '2/n4,["late"]');
    expect(peer.isConnected).toBe(true);
    await peer.say('2/n1,["very late"]');
    expect(peer.isConnected).toBe(false);
  });
});

test("rooms of one socket: one more is a warning, and has no effect", async () => {
  const bench = new Bench({ maxRooms: 3 });
  const { socket } = await bench.join();
  void socket.join(["a", "b"]);
  void socket.join(["a", "b"]);
  expect(warnings).not.toHaveBeenCalled();
  void socket.join("c");
  void socket.join("d");
  expect([...socket.rooms]).toEqual([socket.id, "a", "b"]);
  expect(warnings).toHaveBeenCalledOnce();
  expect(warnings.mock.calls[0]?.[0]).toMatchObject({ code: "TOO_MANY_ROOMS" });
  void socket.leave("a");
  void socket.join("c");
  expect(socket.rooms.has("c")).toBe(true);
});

test("acknowledgements that are due: the oldest is given up", async () => {
  const bench = new Bench({ maxPendingAcks: 2 });
  const { peer, socket } = await bench.join();
  const answers: number[] = [];
  for (let index = 0; index < 3; index++) socket.emit("question", () => answers.push(index));
  await peer.say("30[]", "31[]", "32[]");
  expect(answers).toEqual([1, 2]);
  expect(bench.engine.stats.limits).toEqual({ TOO_MANY_ACKS: 1 });
});

test("acknowledgements of broadcasts count as well", async () => {
  const bench = new Bench({ maxPendingAcks: 2 });
  const { peer, socket } = await bench.join();
  const done = vi.fn();
  for (let index = 0; index < 3; index++) bench.io.timeout(100).emit("question", done);
  expect(socket.acks.size).toBe(2);
  expect(bench.engine.stats.limits).toEqual({ TOO_MANY_ACKS: 1 });
  await peer.say('30["given up"]', '31["b"]', '32["c"]');
  bench.clock.advance(100);
  expect(done.mock.calls).toEqual([
    [null, ["b"]],
    [null, ["c"]],
    [expect.objectContaining({ code: "ACK_TIMEOUT" }), []],
  ]);
});

describe("events per second", () => {
  test("are not counted by default", async () => {
    const { peer } = await new Bench().join();
    await peer.say(...Array.from({ length: 10_000 }, () => '2["event"]'));
    expect(peer.isConnected).toBe(true);
  });

  test("a client that sends more is disconnected, with a reason", async () => {
    const bench = new Bench({ maxEventsPerSecond: { rate: 10, burst: 20 } });
    const { peer, socket } = await bench.join();
    const events = (count: number): string[] => Array.from({ length: count }, () => '2["event"]');
    await peer.say(...events(20));
    bench.clock.advance(500);
    await peer.say(...events(5));
    expect(peer.isConnected).toBe(true);
    await peer.say(...events(1));
    expect(peer.isConnected).toBe(false);
    expect(socket.closeReason).toMatchObject({ code: "TOO_MANY_EVENTS", reason: "transport error", limit: 20 });
  });
});

describe("attachments", () => {
  test("must follow within the time that there is for each", async () => {
    const bench = new Bench({ attachmentTimeout: 1000 });
    const { peer, socket } = await bench.join();
    await peer.say('52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    bench.clock.advance(900);
    await peer.say(Buffer.from("1"));
    bench.clock.advance(900);
    await peer.say(Buffer.from("2"));
    bench.clock.advance(10_000);
    expect(peer.isConnected).toBe(true);
    await peer.say('51-["e",{"_placeholder":true,"num":0}]');
    bench.clock.advance(1001);
    expect(peer.isConnected).toBe(false);
    expect(socket.closeReason).toMatchObject({ code: "ATTACHMENTS_LATE", limit: 1000 });
  });
});

test("the limits of the decoder are options", async () => {
  const { peer, socket } = await new Bench({ packetLimits: { maxDepth: 2 } }).join();
  socket.on("error", () => undefined);
  await peer.say('2["event",[1]]');
  expect(peer.isConnected).toBe(true);
  await peer.say('2["event",[[1]]]');
  expect(peer.isConnected).toBe(false);
  expect(socket.closeReason).toMatchObject({ code: "INVALID_MESSAGE", cause: "SOCKET_TOO_DEEP" });
});

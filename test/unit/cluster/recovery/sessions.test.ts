import { describe, expect, test } from "vitest";
import { offset, pairOfNodes, settle } from "./session-rig.ts";

const ALL = undefined;

describe("a client that comes back to another node", () => {
  test("gets what it missed, from the memory of that node", async () => {
    const { rig, a, b, emit } = await pairOfNodes(["red"]);
    emit(ALL, "red", "blue", "sid");
    rig.kill("aaaa");
    emit(ALL, "red");
    expect(await b.resume("pid", offset(1))).toEqual([2, 4, 5, 6]);
    expect([b.events.reads, a.ended]).toEqual([0, []]);
  });

  test("gets it from the log if that node does not remember it", async () => {
    const { rig, b, emit } = await pairOfNodes(["red"]);
    rig.kill("aaaa");
    b.events.ring = 10;
    for (let i = 0; i < 1200; i++) emit("red");
    expect(await b.resume("pid", offset(1))).toEqual(Array.from({ length: 1199 }, (_, i) => i + 2));
    expect(b.events.reads).toBe(3);
  });

  test("gets it without an offset, from its connection on", async () => {
    const { rig, a, b, emit } = await pairOfNodes();
    emit(ALL, ALL);
    const socket = { id: "late", pid: "late pid", data: 1 };
    a.open(socket);
    await settle();
    rig.kill("aaaa");
    emit(ALL);
    expect(await b.resume("late pid")).toEqual([3]);
  });

  test("gets rooms and data", async () => {
    const { b, a, socket } = await pairOfNodes(["red"]);
    socket.data = { bytes: Buffer.from([1, 255]) };
    await a.sessions.join("sid", ["blue"]);
    const found = await b.sessions.resume("pid", "");
    expect(found).toMatchObject({ sid: "sid", pid: "pid", rooms: ["red", "sid", "blue"], data: socket.data });
  });

  test("gets events of a room that it left afterwards, and none of one that it joined afterwards", async () => {
    const { rig, a, b, emit } = await pairOfNodes(["red"]);
    emit("red", "blue");
    await a.sessions.leave("sid", ["red"]);
    await a.sessions.join("sid", ["blue"]);
    rig.kill("aaaa");
    emit("red", "blue");
    expect(await b.resume("pid", offset(0))).toEqual([1, 4]);
  });

  test("does not get what its room was left out of", async () => {
    const { rig, b } = await pairOfNodes(["red"]);
    rig.history.add(ALL, "red");
    rig.history.add(ALL, "blue");
    b.events.deliver();
    expect(await b.resume("pid", offset(0))).toEqual([2]);
  });

  test("and lags behind: the node skips what the client has got already", async () => {
    const { rig, b, emit } = await pairOfNodes();
    emit(ALL);
    rig.history.add();
    rig.history.add();
    expect(await b.resume("pid", offset(0))).toEqual([1, 2, 3]);
    expect(b.events.skips).toEqual([["sid", 3]]);
  });

  test("and joins a room there before the node has caught up: nothing comes twice", async () => {
    const { rig, b } = await pairOfNodes();
    rig.history.add("green");
    expect(await b.resume("pid", offset(0))).toEqual([]);
    await b.sessions.join("sid", ["green"]);
    rig.kill("bbbb");
    const c = rig.node("cccc");
    expect(await c.resume("pid", offset(0))).toEqual([]);
  });

  test("gets what is sent until it is connected", async () => {
    const { b, emit } = await pairOfNodes();
    emit(ALL);
    expect(await b.resume("pid", offset(0), () => emit(ALL, "blue", ALL))).toEqual([1, 2, 4]);
  });

  test("waits until the store is back", async () => {
    const { rig, b, emit } = await pairOfNodes();
    emit(ALL);
    rig.store.state = "away";
    const missed = b.resume("pid", offset(0));
    await rig.pass(1000);
    rig.store.state = "up";
    await rig.pass(1000);
    expect(await missed).toEqual([1]);
  });

  test("waits until that node has joined the log", async () => {
    const { rig, emit } = await pairOfNodes();
    emit(ALL, ALL);
    const c = rig.node("cccc");
    c.events.reached = undefined;
    const missed = c.resume("pid", offset(1));
    await settle();
    c.events.deliver(2);
    expect(await missed).toEqual([2]);
  });

  test("comes back again and again, to any node, from the offset that it has", async () => {
    const { rig, a, b, emit } = await pairOfNodes(["red"]);
    emit("red");
    expect(await b.resume("pid", offset(0))).toEqual([1]);
    emit("red");
    expect(await a.resume("pid", offset(0))).toEqual([1, 2]);
    await settle();
    rig.kill("aaaa");
    emit("red");
    expect(await b.resume("pid", offset(2))).toEqual([3]);
  });
});

describe("the last owner", () => {
  test("ends its socket, and gives what it has not written", async () => {
    const { a, b, socket } = await pairOfNodes();
    void a.sessions.join("sid", ["unwritten"]);
    socket.data = "unwritten";
    const found = await b.sessions.resume("pid", "");
    expect(found).toMatchObject({ rooms: ["sid", "unwritten"], data: "unwritten" });
    expect([a.ended, a.sessions.size]).toEqual([["pid"], 0]);
  });

  test("gives the state of a socket that has ended before, if it is not written yet", async () => {
    const { rig, a, b, socket } = await pairOfNodes();
    socket.data = "last";
    rig.store.state = "away";
    a.sessions.persist("pid");
    await settle();
    rig.store.state = "up";
    expect(await b.sessions.resume("pid", "")).toMatchObject({ data: "last" });
    await rig.pass(1000);
    expect(await a.sessions.resume("pid", "")).toMatchObject({ data: "last" });
  });

  test("is not needed any more, once it has given what it has not written", async () => {
    const { rig, a, b, socket } = await pairOfNodes();
    socket.data = "last";
    rig.store.state = "away";
    a.sessions.persist("pid");
    await settle();
    expect(a.sessions.isAwaited).toBe(true);
    rig.store.state = "up";
    expect(await b.sessions.resume("pid", "")).toMatchObject({ data: "last" });
    await settle();
    expect(a.sessions.isAwaited).toBe(false);
  });

  test("that can't be asked ends its socket when it finds its record taken", async () => {
    const { rig, a, b } = await pairOfNodes();
    a.isReachable = false;
    expect(await b.resume("pid")).toEqual([]);
    await rig.pass(1000);
    expect([a.ended, a.sessions.size, b.sessions.size]).toEqual([["pid"], 0, 1]);
    await rig.pass(30_000);
    expect(await a.resume("pid")).toEqual([]);
  });

  test("does not overwrite what the next one has written", async () => {
    const { a, b, socket, rig } = await pairOfNodes();
    a.isReachable = false;
    expect(await b.resume("pid")).toEqual([]);
    await b.sessions.join("sid", ["new"]);
    socket.data = "old";
    await a.sessions.join("sid", ["old"]);
    await settle();
    rig.kill("bbbb");
    expect(await a.sessions.resume("pid", "")).toMatchObject({ rooms: ["sid", "new"], data: { user: 1 } });
  });
});

describe("a client is refused", () => {
  const expectRefusal = async (nodes: Awaited<ReturnType<typeof pairOfNodes>>, given: string, code: string) => {
    const before = nodes.rig.store.size;
    expect(await nodes.b.resume("pid", given)).toBe(code);
    await settle();
    expect([before, nodes.rig.store.size]).toEqual([1, 0]);
  };

  test.each([
    ["that is not an offset", "text", "RECOVERY_OFFSET_UNKNOWN"],
    ["without a number", "ep-1", "RECOVERY_OFFSET_UNKNOWN"],
    ["of an event that is in no log", "-", "RECOVERY_OFFSET_UNKNOWN"],
    ["of another epoch", "ep-01", "RECOVERY_EPOCH"],
    ["beyond the log", offset(7), "RECOVERY_EPOCH"],
  ])("with an offset %s, and its record is freed", async (_name, given, code) => {
    await expectRefusal(await pairOfNodes(), given, code);
  });

  test("whose session is not known", async () => {
    const { b, rig } = await pairOfNodes();
    expect(await b.resume("guess", offset(0))).toBe("RECOVERY_SESSION_UNKNOWN");
    expect(rig.store.size).toBe(1);
  });

  test("if the log is trimmed", async () => {
    const nodes = await pairOfNodes();
    nodes.rig.history.first = 3;
    nodes.b.events.ring = 0;
    nodes.emit(ALL, ALL, ALL);
    await expectRefusal(nodes, offset(1), "RECOVERY_OFFSET_UNKNOWN");
  });

  test("if the log has a hole", async () => {
    const nodes = await pairOfNodes();
    nodes.b.events.ring = 0;
    nodes.emit(ALL, ALL, ALL);
    nodes.b.events.onRead = () => nodes.rig.history.events.splice(1, 1);
    await expectRefusal(nodes, offset(0), "RECOVERY_OFFSET_UNKNOWN");
  });

  test("if its rooms are not known any more", async () => {
    const nodes = await pairOfNodes();
    for (let i = 0; i < 201; i++) {
      void nodes.a.sessions.join("sid", ["red"]);
      nodes.emit(ALL);
      void nodes.a.sessions.leave("sid", ["red"]);
    }
    await expectRefusal(nodes, offset(0), "RECOVERY_OFFSET_UNKNOWN");
  });

  test("if the log has begun anew", async () => {
    const nodes = await pairOfNodes();
    nodes.emit(ALL);
    nodes.rig.history.renew("ep-2");
    nodes.emit(ALL);
    await expectRefusal(nodes, offset(1), "RECOVERY_EPOCH");
  });

  test("if the log has begun anew since it connected, and it has received nothing", async () => {
    const nodes = await pairOfNodes();
    nodes.rig.history.renew("ep-2");
    nodes.emit(ALL);
    await nodes.rig.pass(11_000);
    await expectRefusal(nodes, "", "RECOVERY_EPOCH");
  });

  test("if the log has lost its end, although no node has noticed", async () => {
    const nodes = await pairOfNodes();
    nodes.emit(ALL, ALL, ALL);
    nodes.rig.history.events.length = 2;
    await expectRefusal(nodes, offset(1), "RECOVERY_EPOCH");
  });

  test("that has missed more than one recovery may send", async () => {
    const nodes = await pairOfNodes();
    nodes.b.maxReplayBytes = 250;
    nodes.emit(ALL, "blue", ALL, ALL);
    await expectRefusal(nodes, offset(0), "RECOVERY_TOO_LARGE");
  });

  test("if the store does not answer in time, or is away", async () => {
    const { rig, b } = await pairOfNodes();
    rig.store.state = "away";
    const away = b.resume("pid", offset(0));
    await rig.pass(6000);
    expect(await away).toBe("RECOVERY_FAILED");
    rig.store.state = "up";
    b.events.reached = undefined;
    const missed = b.resume("pid", offset(0));
    await settle();
    rig.clock.advance(5000);
    expect(await missed).toBe("RECOVERY_FAILED");
  });

  test("after its time", async () => {
    const { rig, a, b } = await pairOfNodes();
    a.sessions.persist("pid");
    await rig.pass(119_000);
    expect(rig.store.size).toBe(1);
    await rig.pass(2000);
    expect(await b.resume("pid", offset(0))).toBe("RECOVERY_SESSION_UNKNOWN");
  });

  test("after its session was ended", async () => {
    const { a, b } = await pairOfNodes();
    a.sessions.end("pid");
    await settle();
    expect(await b.resume("pid", offset(0))).toBe("RECOVERY_SESSION_UNKNOWN");
  });
});

test("in a new epoch, a client with an offset of it is resumed, with its rooms of before", async () => {
  const { rig, b, emit } = await pairOfNodes(["red"]);
  emit(ALL);
  rig.history.renew("ep-2");
  emit("red", "blue", "red");
  expect(await b.resume("pid", offset(1, "ep-2"))).toEqual([3]);
});

describe("while a node delivers its own events before they are in the log", () => {
  test("it resumes no session", async () => {
    const { rig, b, emit } = await pairOfNodes();
    emit(ALL);
    b.events.degrade();
    const resumed = b.resume("pid", offset(0));
    await rig.pass(6000);
    expect(await resumed).toBe("RECOVERY_FAILED");
  });

  test("it does not connect a session that it has found before", async () => {
    const { b, emit } = await pairOfNodes();
    emit(ALL);
    const resumed = b.resume("pid", offset(0), () => b.events.degrade());
    await expect(resumed).rejects.toMatchObject({ code: "RECOVERY_FAILED" });
  });

  test("rooms keep their times", async () => {
    const { rig, a, b, emit } = await pairOfNodes(["red"]);
    emit("red", "blue");
    a.events.degrade();
    void a.sessions.leave("sid", ["red"]);
    await a.sessions.join("sid", ["blue"]);
    emit("red", "blue");
    rig.kill("aaaa");
    expect(await b.resume("pid", offset(0))).toEqual([1, 4]);
  });
});

describe("a session is resumed once", () => {
  test("two connections ask: the last one gets it", async () => {
    const { a, b, emit } = await pairOfNodes();
    emit(ALL);
    const [first, second] = [b.resume("pid", offset(0)), b.resume("pid", offset(0))];
    expect(await Promise.all([first, second])).toEqual(["RECOVERY_SESSION_UNKNOWN", [1]]);
    expect([a.sessions.size, b.sessions.size]).toEqual([0, 1]);
  });

  test("another node takes it before it is resumed", async () => {
    const { rig, a, b, emit } = await pairOfNodes();
    const c = rig.node("cccc");
    emit(ALL);
    b.events.ring = 0;
    let third: Promise<unknown> | undefined;
    b.events.onRead = () => (third ??= c.resume("pid", offset(0)));
    expect(await b.resume("pid", offset(0))).toBe("RECOVERY_SESSION_UNKNOWN");
    expect(await third).toEqual([1]);
    expect([a, b, c].map(({ sessions }) => sessions.size)).toEqual([0, 0, 1]);
  });

  test("a socket that does not connect gives the session back", async () => {
    const { b, a, emit } = await pairOfNodes(["red"]);
    emit("red");
    await b.sessions.resume("pid", offset(0));
    b.sessions.persist("pid");
    b.sessions.end("pid");
    await settle();
    expect(await a.resume("pid", offset(0))).toEqual([1]);
  });

  test("events that the node forgot before the socket connected can't be skipped over", async () => {
    const { b, emit } = await pairOfNodes();
    b.events.ring = 2;
    await expect(b.resume("pid", offset(0), () => emit(ALL, ALL, ALL))).rejects.toMatchObject({
      code: "RECOVERY_FAILED",
    });
  });
});

import { describe, expect, test } from "vitest";
import { offset, pairOfNodes, settle } from "./session-rig.ts";

describe("a record is written", () => {
  test("at the connection, and once a turn when rooms change", async () => {
    const { rig, a } = await pairOfNodes();
    expect(rig.store.done).toEqual(["put"]);
    void a.sessions.join("sid", ["a"]);
    void a.sessions.join("sid", ["b", "c"]);
    await a.sessions.leave("sid", ["a"]);
    expect(rig.store.done).toEqual(["put", "put"]);
    await a.sessions.join("sid", ["b"]);
    await a.sessions.leave("sid", ["a"]);
    expect(rig.store.done).toEqual(["put", "put"]);
    await a.sessions.leave("sid");
    expect(rig.store.done).toEqual(["put", "put", "put"]);
    rig.kill("aaaa");
    expect(await rig.node("cccc").sessions.resume("pid", "")).toMatchObject({ rooms: [] });
  });

  test("a second after the connection, then every ten seconds, if `data` has changed", async () => {
    const { rig, socket, b } = await pairOfNodes();
    rig.store.done.length = 0;
    socket.data = { user: 2 };
    await rig.pass(1000);
    expect(rig.store.done).toEqual(["put"]);
    await rig.pass(20_000);
    expect(rig.store.done).toEqual(["put"]);
    (socket.data as { user: number }).user = 3;
    await rig.pass(10_000);
    expect(rig.store.done).toEqual(["put", "put"]);
    rig.kill("aaaa");
    expect(await b.sessions.resume("pid", "")).toMatchObject({ data: { user: 3 } });
  });

  test("not for sockets without a session", async () => {
    const { a } = await pairOfNodes();
    expect(a.sessions.join("other", ["red"])).toBeUndefined();
    expect(a.sessions.leave("other")).toBeUndefined();
    a.sessions.persist("other");
    a.sessions.end("other");
  });
});

describe("a record lives", () => {
  test("as long as its socket is connected, and for the time of recovery after the node is killed", async () => {
    const { rig } = await pairOfNodes();
    await rig.pass(600_000);
    expect(rig.store.size).toBe(1);
    rig.clock.forgetTimers();
    rig.clock.advance(119_000);
    expect(rig.store.size).toBe(1);
    rig.clock.advance(32_000);
    expect(rig.store.size).toBe(0);
  });

  test("not after its session has ended", async () => {
    const { rig, a } = await pairOfNodes();
    a.sessions.end("pid");
    await settle();
    expect(rig.store.size).toBe(0);
    await rig.pass(3000);
    expect(rig.clock.pending).toBe(0);
  });

  test("again after the store has lost it together with the log", async () => {
    const { rig, a, b } = await pairOfNodes(["red"]);
    rig.store.flush();
    rig.history.renew("ep-2");
    await rig.pass(1000);
    expect(rig.store.size).toBe(1);
    for (const { events } of [a, b]) events.deliver();
    rig.kill("aaaa");
    expect(await b.resume("pid", offset(0, "ep-2"))).toEqual([]);
  });

  test("no more after the store has lost it alone: another node may have taken it before", async () => {
    const { rig, a, b, socket } = await pairOfNodes();
    a.isReachable = false;
    expect(await b.resume("pid", offset(0))).toEqual([]);
    await b.sessions.join("sid", ["red"]);
    rig.kill("bbbb");
    rig.store.flush();
    socket.data = "of a connection that its client has left";
    await rig.pass(12_000);
    a.sessions.persist("pid");
    await rig.pass(1000);
    expect([rig.store.size, a.ended]).toEqual([0, []]);
    expect(await rig.node("cccc").resume("pid", offset(0))).toBe("RECOVERY_SESSION_UNKNOWN");
  });
});

describe("while the store is away", () => {
  test("joins do not wait, the failure is reported once, and the newest state is written later", async () => {
    const { rig, a, b, socket } = await pairOfNodes();
    rig.store.state = "away";
    await a.sessions.join("sid", ["a"]);
    await a.sessions.join("sid", ["b"]);
    socket.data = "new";
    await rig.pass(3000);
    expect(a.errors).toHaveLength(1);
    rig.store.state = "up";
    await rig.pass(1000);
    rig.kill("aaaa");
    expect(await b.sessions.resume("pid", "")).toMatchObject({ rooms: ["sid", "a", "b"], data: "new" });
  });

  test("ends are written later, as long as they matter", async () => {
    const { rig, a, b } = await pairOfNodes();
    a.open({ id: "two", pid: "two", data: 2 });
    await settle();
    rig.store.state = "away";
    a.sessions.persist("pid");
    a.sessions.end("two");
    await rig.pass(60_000);
    rig.store.state = "up";
    await rig.pass(1000);
    expect([await b.resume("two"), rig.store.size]).toEqual(["RECOVERY_SESSION_UNKNOWN", 1]);
    await rig.pass(60_000);
    expect(await b.resume("pid")).toBe("RECOVERY_SESSION_UNKNOWN");
  });

  test("ends that do not matter any more are forgotten", async () => {
    const { rig, a } = await pairOfNodes();
    rig.store.state = "away";
    a.sessions.persist("pid");
    await rig.pass(122_000);
    rig.store.flush();
    rig.store.state = "up";
    await rig.pass(3000);
    expect([rig.store.size, rig.clock.pending]).toEqual([0, 0]);
  });

  test("a bounded number of ends is kept, and the others are counted", async () => {
    const { rig, a } = await pairOfNodes();
    rig.store.state = "away";
    for (let i = 0; i < 5; i++) {
      a.open({ id: `s${i}`, pid: `p${i}`, data: i });
      a.sessions.persist(`p${i}`);
      await settle();
    }
    expect(a.errors.filter((error) => error === "dropped")).toHaveLength(2);
  });
});

describe("data that can't be written", () => {
  const cyclic = (): object => {
    const data: Record<string, unknown> = {};
    return Object.assign(data, { data });
  };

  test.each([
    ["is reported once, and the session is not kept with old data", cyclic],
    ["or is too large", () => "x".repeat(2e6)],
  ])("%s", async (_name, make) => {
    const { rig, a, b, socket } = await pairOfNodes();
    socket.data = make();
    await rig.pass(22_000);
    expect([a.errors.length, rig.store.size]).toEqual([1, 0]);
    socket.data = "fine";
    await rig.pass(10_000);
    rig.kill("aaaa");
    expect(await b.sessions.resume("pid", "")).toMatchObject({ data: "fine" });
  });
});

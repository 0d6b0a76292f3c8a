import { describe, expect, test, vi } from "vitest";
import { SessionAwareAdapter } from "@portage/server/adapter";
import { kEngineClock } from "../../../packages/server/src/engine/keys.ts";
import { FakeClock } from "../support/fake-clock.ts";

type Options = Record<string, number>;

/** An adapter with one client, lost or not, and the events that went out. */
function bench(options: Options = {}, serverOptions: object = {}) {
  const clock = new FakeClock();
  const sent: unknown[][] = [];
  const server = {
    [kEngineClock]: clock,
    encoder: { encode: ({ data }: { data: unknown[] }) => (sent.push([...data]), [JSON.stringify(data)]) },
    opts: { connectionStateRecovery: { maxDisconnectionDuration: 1000, ...options }, ...serverOptions },
  };
  const adapter = new SessionAwareAdapter({ name: "/", sockets: new Map(), server });
  const emit = (event: unknown, { to = [], except = [], flags = {}, id }: Emission = {}): string => {
    const packet = { type: 2, data: [event], ...(id === undefined ? {} : { id }) };
    adapter.broadcast(packet, { rooms: new Set(to), except: new Set(except), flags });
    return String(sent.at(-1)?.at(-1));
  };
  const lose = (...rooms: string[]): void =>
    adapter.persistSession({ sid: "sid", pid: "pid", rooms: ["sid", ...rooms], data: { kept: true } });
  const missed = async (offset: string): Promise<unknown[] | undefined> => {
    const session = await adapter.restoreSession("pid", offset);
    return session?.missedPackets.map(([event]) => event);
  };
  return { adapter, clock, sent, emit, lose, missed };
}

interface Emission {
  to?: string[];
  except?: string[];
  flags?: { volatile?: boolean };
  id?: number;
}

describe("a session that was kept", () => {
  test("comes back with its rooms, its data and the events it was to get", async () => {
    const { adapter, emit, lose } = bench();
    const offset = emit("before");
    lose("r1");
    const offsets = [emit("all"), emit("r1", { to: ["r1"] }), emit("sid", { to: ["sid"] })];
    emit("others", { to: ["r2"] });
    emit("not r1", { except: ["r1"] });
    const session = await adapter.restoreSession("pid", offset);
    expect(session).toEqual({
      sid: "sid",
      pid: "pid",
      rooms: ["sid", "r1"],
      data: { kept: true },
      missedPackets: [
        ["all", offsets[0]],
        ["r1", offsets[1]],
        ["sid", offsets[2]],
      ],
    });
  });

  test("includes events sent until it is read", async () => {
    const { adapter, emit, lose } = bench();
    const offset = emit("before");
    lose();
    const session = await adapter.restoreSession("pid", offset);
    emit("meanwhile");
    expect(session?.missedPackets.map(([event]) => event)).toEqual(["meanwhile"]);
  });

  test("is handed out once", async () => {
    const { emit, lose, missed } = bench();
    const offset = emit("x");
    lose();
    expect(await missed(offset)).toEqual([]);
    expect(await missed(offset)).toBeUndefined();
    lose();
    expect(await missed(offset)).toEqual([]);
  });

  test("needs no offset: then it begins where the client joined", async () => {
    const { adapter, emit, lose, missed } = bench();
    emit("before it was there");
    void adapter.addAll("sid", new Set(["sid"]));
    emit("first", { to: ["sid"] });
    emit("second");
    lose();
    expect(await missed("")).toEqual(["first", "second"]);
  });

  test("gets nothing of a room from before it joined", async () => {
    const { adapter, emit, lose, missed } = bench();
    void adapter.addAll("sid", new Set(["sid"]));
    const offset = emit("mine", { to: ["sid"] });
    emit("early", { to: ["late room"] });
    void adapter.addAll("sid", new Set(["late room"]));
    emit("then", { to: ["late room"] });
    void adapter.addAll("sid", new Set(["late room"]));
    lose("late room");
    expect(await missed(offset)).toEqual(["then"]);
  });

  test("keeps its place when it is lost again before it got everything", async () => {
    const { adapter, emit, lose, missed } = bench();
    void adapter.addAll("sid", new Set(["sid", "room"]));
    emit("one", { to: ["room"] });
    lose("room");
    adapter.delAll("sid");
    expect(await missed("")).toEqual(["one"]);
    void adapter.addAll("sid", new Set(["sid", "room"]));
    emit("two", { to: ["room"] });
    lose("room");
    adapter.delAll("sid");
    expect(await missed("")).toEqual(["one", "two"]);
  });
});

describe("an event that is not stored", () => {
  test("is volatile, asks for an acknowledgement or is another packet", async () => {
    const { adapter, emit, lose, missed, sent } = bench();
    const offset = emit("x");
    lose();
    emit("volatile", { flags: { volatile: true } });
    emit("ack", { id: 1 });
    adapter.broadcast({ type: 0, data: ["connect"] }, { rooms: new Set() });
    expect(sent.slice(2)).toEqual([["ack"], ["connect"]]);
    expect(await missed(offset)).toEqual([]);
  });

  test("does not end the chance of a client that takes its last argument for an offset", async () => {
    const { emit, lose, missed } = bench();
    emit("one");
    const seen = emit("volatile", { flags: { volatile: true } });
    emit("two");
    lose();
    expect(await missed(seen)).toEqual(["two"]);
  });
});

describe("a session does not come back", () => {
  test.each(["", "nonsense", "toolong".repeat(100), "-1", "Infinity"])(
    "without a session, for offset %j",
    async (offset) => {
      const { adapter } = bench();
      expect(await adapter.restoreSession("pid", offset)).toBeNull();
      expect(adapter.refusalOf("pid")).toBe("RECOVERY_SESSION_UNKNOWN");
    },
  );

  test.each(["nonsense", "0", "-1"])("with an offset %j that was never given", async (offset) => {
    const { adapter, emit, lose } = bench();
    const real = emit("x");
    lose();
    expect(await adapter.restoreSession("pid", offset)).toBeNull();
    expect(await adapter.restoreSession("pid", real.slice(0, 4) + "z9")).toBeNull();
    expect(adapter.refusalOf("pid")).toBe("RECOVERY_OFFSET_UNKNOWN");
    expect(await adapter.restoreSession("pid", real)).toBeNull();
  });

  test("when the window is over", async () => {
    const { emit, lose, missed, clock } = bench({ maxDisconnectionDuration: 1000 });
    const offset = emit("x");
    lose();
    clock.advance(1000);
    expect(await missed(offset)).toEqual([]);
    lose();
    clock.advance(1001);
    expect(await missed(offset)).toBeUndefined();
  });

  test("when its missed events had to make room", async () => {
    const { emit, lose, missed } = bench({ maxPackets: 2 });
    const [first, second] = [emit("1"), emit("2")];
    emit("3");
    lose();
    expect(await missed(first)).toEqual(["2", "3"]);
    lose();
    emit("4");
    expect(await missed(first)).toBeUndefined();
    expect(await missed(second)).toEqual(["3", "4"]);
  });
});

describe("events that have expired", () => {
  test("refuse a client that may have missed them", async () => {
    const { adapter, emit, lose, missed, clock } = bench({ maxDisconnectionDuration: 60_000, packetLifetime: 10_000 });
    const offset = emit("seen");
    lose();
    emit("missed");
    clock.advance(10_001);
    emit("stored");
    expect(await missed(offset)).toBeUndefined();
    expect(adapter.refusalOf("pid")).toBe("RECOVERY_OFFSET_UNKNOWN");
  });

  test("refuse a client whose loss the server noticed after they were sent", async () => {
    const { emit, lose, missed, clock } = bench({ packetLifetime: 10_000 });
    const offset = emit("seen");
    emit("missed");
    clock.advance(10_001);
    lose();
    expect(await missed(offset)).toBeUndefined();
  });

  test("do not refuse a client that was there when they were sent", async () => {
    const { emit, lose, missed, clock } = bench({ packetLifetime: 10_000 });
    const offset = emit("seen");
    emit("for others", { to: ["elsewhere"] });
    clock.advance(60_000);
    lose();
    emit("stored");
    expect(await missed(offset)).toEqual(["stored"]);
  });

  test.each([
    ["the window of carry by default", {}, 57_000],
    ["a window of carry", { carry: { window: 1000 } }, 48_000],
    ["the heartbeat alone without carry", { carry: false }, 47_000],
  ])("are stored until the loss is noticed: %s", (_title, serverOptions, lifetime) => {
    const { adapter, emit, clock } = bench({ maxDisconnectionDuration: 1000 }, serverOptions);
    emit("x");
    clock.advance(lifetime - 1001);
    expect(adapter.kept.packets).toBe(1);
    clock.advance(1001);
    expect(adapter.kept.packets).toBe(0);
  });
});

describe("memory", () => {
  test("is given back after the time that a loss may take to be noticed, and the clock of the wall is not asked", () => {
    const wall = vi.spyOn(Date, "now").mockImplementation(() => {
      throw new Error("asked the wall clock");
    });
    const { adapter, emit, lose, clock } = bench({ maxDisconnectionDuration: 2000, packetLifetime: 5000 });
    emit("x");
    lose();
    expect(adapter.kept).toEqual({ sessions: 1, packets: 1, packetBytes: expect.any(Number) });
    clock.advance(4000);
    expect(adapter.kept).toMatchObject({ sessions: 0, packets: 1 });
    clock.advance(2001);
    expect(adapter.kept).toEqual({ sessions: 0, packets: 0, packetBytes: 0 });
    expect(clock.pending).toBe(0);
    wall.mockRestore();
  });

  test("a quiet client comes back although its last event is long forgotten", async () => {
    const { emit, lose, missed, clock } = bench({ maxDisconnectionDuration: 1000, packetLifetime: 1000 });
    const offset = emit("x");
    emit("for somebody else", { to: ["elsewhere"] });
    clock.advance(60_000);
    lose();
    emit("y");
    expect(await missed(offset)).toEqual(["y"]);
  });

  test("is bounded in packets, bytes and sessions", () => {
    const { adapter, emit } = bench({ maxPackets: 100, maxPacketBytes: 1000, maxSessions: 3 });
    for (let i = 0; i < 1000; i++) emit(i);
    expect(adapter.kept.packets).toBeLessThanOrEqual(100);
    expect(adapter.kept.packetBytes).toBeLessThanOrEqual(1000);
    emit("z".repeat(2000));
    expect(adapter.kept).toMatchObject({ packets: 0, packetBytes: 0 });
    for (let i = 0; i < 9; i++) adapter.persistSession({ sid: `s${i}`, pid: `p${i}`, rooms: [], data: 0 });
    expect(adapter.kept.sessions).toBe(3);
  });

  test("goes after its time, while sessions are kept for ever", async () => {
    const { adapter, emit, lose, missed, clock } = bench({ maxDisconnectionDuration: Infinity, packetLifetime: 5000 });
    lose();
    clock.advance(10);
    emit("old");
    expect(adapter.kept).toMatchObject({ sessions: 1, packets: 1 });
    clock.advance(10_000);
    expect(adapter.kept).toMatchObject({ sessions: 1, packets: 0 });
    clock.advance(1e7);
    emit("new");
    expect(await missed("")).toBeUndefined();
    lose();
    emit("newer");
    expect(await missed("")).toEqual(["new", "newer"]);
  });

  test("options that are not numbers count as not given", async () => {
    for (const none of [undefined, null, Number.NaN, "soon", ""]) {
      const { adapter, emit, lose, missed, clock } = bench({ maxDisconnectionDuration: none as never });
      const offset = emit("before");
      lose();
      emit("after");
      clock.advance(110_000);
      expect(await missed(offset)).toEqual(["after"]);
      lose();
      clock.advance(122_000);
      expect(adapter.kept.sessions).toBe(0);
    }
  });

  test("is not swept after the end", () => {
    const { adapter, emit, clock } = bench();
    emit("x");
    expect(clock.pending).toBe(1);
    void adapter.close();
    expect(clock.pending).toBe(0);
  });
});

test("many packets stay in order while old ones go", async () => {
  const { emit, lose, missed, clock } = bench({ maxDisconnectionDuration: 500, packetLifetime: 500 });
  let offset = "";
  for (let i = 0; i < 1000; i++) {
    const at = emit(i);
    if (i === 900) offset = at;
    clock.advance(2);
  }
  lose();
  expect(await missed(offset)).toEqual(Array.from({ length: 99 }, (_, i) => 901 + i));
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { queuedProcessBytes } from "../../../packages/server/src/engine/outgoing/congestion.ts";
import { EventMark, PreparedMessage } from "../../../packages/server/src/engine/outgoing/prepared-message.ts";
import { resolveSlowReader, type SlowReaderOptions } from "../../../packages/server/src/engine/outgoing/slow-reader.ts";
import { endOfTick, openSession } from "./fake-host.ts";
import { kSendPrepared, kWatchQueue } from "../../../packages/server/src/engine/keys.ts";

/** Bytes that sessions of other files in this process have left. */
let left = 0;
beforeEach(() => {
  left = queuedProcessBytes();
});
const queuedHere = (): number => queuedProcessBytes() - left;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sessions: { close(discard: boolean): unknown }[] = [];

afterEach(() => {
  for (const session of sessions.splice(0)) session.close(true);
  expect(queuedHere()).toBe(0);
});

/** A session with a peer that has stopped reading. */
function stalledSession(options: SlowReaderOptions, transport = "websocket") {
  const opened = openSession({ transport });
  opened.host.slowReader = resolveSlowReader(options);
  opened.transport.writable = false;
  opened.transport.sent.length = 0;
  sessions.push(opened.session);
  return opened;
}

describe("the queue of a peer", () => {
  test("is counted until it has been taken, and a shared message once for the process", async () => {
    const [one, two] = [stalledSession({}), stalledSession({})];
    const message = new PreparedMessage(["x".repeat(1000)]);
    one.session[kSendPrepared](message);
    two.session[kSendPrepared](message);
    one.session.send(Buffer.alloc(500));
    expect([one.session.bufferedBytes, two.session.bufferedBytes]).toEqual([1500, 1000]);
    expect(queuedHere()).toBe(1500);
    one.transport.drain();
    expect(one.session.bufferedBytes).toBe(0);
    expect(queuedHere()).toBe(1000);
    two.session.close(true);
    await endOfTick();
    expect(queuedHere()).toBe(0);
  });

  test("may be anything in one go: the peer had no chance to take it", () => {
    const { session, closes } = stalledSession({ soft: 10, hard: 100 });
    for (let index = 0; index < 100; index++) session.send("x".repeat(100));
    expect(session.writeBuffer).toHaveLength(100);
    expect(closes).toEqual([]);
  });

  test("but no more than `burst`", async () => {
    const { session, closes } = stalledSession({ soft: 10, hard: 100, burst: 1000 });
    for (let index = 0; index < 100; index++) session.send("x".repeat(100));
    expect(session.writeBuffer.length).toBe(11);
    await endOfTick();
    expect(closes).toEqual([{ reason: "transport error", code: "SLOW_READER" }]);
  });

  test("ends the session beyond `hard`, with the numbers", async () => {
    const { session, host, closes } = stalledSession({ soft: 10, hard: 100 });
    session.send("x".repeat(60));
    await turn();
    expect(host.limits).toEqual(["SLOW_READER"]);
    session.send("x".repeat(40));
    await endOfTick();
    expect(closes).toEqual([]);
    session.send("x");
    await endOfTick();
    expect(closes).toEqual([{ reason: "transport error", code: "SLOW_READER" }]);
    expect(session.closeReason).toMatchObject({ side: "client", limit: 100, actual: 101, transport: "websocket" });
    expect(host.stats.closes).toEqual({ SLOW_READER: 1 });
  });

  test("one message of any size is accepted, and a heartbeat does not end the session", async () => {
    const { session, clock, closes } = stalledSession({ soft: 10, hard: 100, burst: 100 });
    session.send("x".repeat(1_000_000));
    await turn();
    clock.advance(26_000);
    await turn();
    expect(session.writeBuffer.map(({ type }) => type)).toEqual(["message", "ping"]);
    expect(closes).toEqual([]);
  });

  test("a peer that polls has a second from one poll to the next", async () => {
    const { session, transport, clock, host } = stalledSession({ soft: 10, hard: 100 }, "polling");
    session.send("x".repeat(60));
    await turn();
    clock.advance(900);
    expect(host.limits).toEqual([]);
    transport.drain();
    clock.advance(200);
    expect(host.limits).toEqual([]);
    session.send("x".repeat(60));
    await turn();
    clock.advance(1001);
    expect(host.limits).toEqual(["SLOW_READER"]);
  });

  test("the process has a limit as well, beyond which less may wait for each", async () => {
    const { session, host, closes } = stalledSession({ soft: 100_000, hard: 400_000, process: 150_000 });
    session.send("x".repeat(110_000));
    await turn();
    const other = stalledSession({ soft: 100_000, hard: 400_000, process: 150_000 });
    other.session.send("x".repeat(60_000));
    expect(closes).toEqual([]);
    session.send("x");
    await endOfTick();
    expect(closes).toEqual([{ reason: "transport error", code: "SLOW_READER" }]);
    expect(other.closes).toEqual([]);
    expect(host.limits).toEqual(["SLOW_READER", "PROCESS_BUDGET"]);
    expect(session.closeReason).toMatchObject({ cause: "PROCESS_BUDGET", limit: 64_000, actual: 110_201 });
  });

  test("counts an overhead for very small packets", async () => {
    const options = { soft: 100, process: 150_000 };
    const { session, host, closes } = stalledSession(options);
    session.send("x");
    await turn();
    for (let index = 0; index < 100_000; index += 1) session.send("x");
    await endOfTick();
    expect(session.bufferedBytes).toBe(0);
    expect(closes).toEqual([{ reason: "transport error", code: "SLOW_READER" }]);
    expect(host.limits).toEqual(["PROCESS_BUDGET"]);
    expect(session.closeReason).toMatchObject({ cause: "PROCESS_BUDGET", limit: 4_000_000 });
    expect(session.closeReason?.actual).toBeLessThan(4_001_000);
  });

  test("also limits data sent in one tick", async () => {
    const options = { soft: 100, hard: 1000, burst: 100_000, process: 5000 };
    const healthy = stalledSession(options);
    healthy.session.send("x".repeat(900));
    const { session, closes } = stalledSession(options);
    for (let index = 0; index < 100; index += 1) session.send("x".repeat(100));
    await endOfTick();
    expect(queuedHere()).toBeLessThan(6000);
    expect(closes).toEqual([{ reason: "transport error", code: "SLOW_READER" }]);
    expect(session.closeReason).toMatchObject({ cause: "PROCESS_BUDGET", limit: 1000 });
    expect(healthy.closes).toEqual([]);
  });
});

describe("a peer that keeps up again", () => {
  test("is waited for by whenDrained(), and is no longer slow", async () => {
    const { session, transport } = stalledSession({ soft: 10 });
    const congestion = session[kWatchQueue]();
    await congestion.whenDrained();
    session.send("x".repeat(60));
    await turn();
    expect(congestion.isSlow).toBe(true);
    let ready = "no";
    void congestion.whenDrained().then(() => (ready = "yes"));
    await turn();
    expect(ready).toBe("no");
    transport.drain();
    await turn();
    expect(ready).toBe("yes");
    expect(congestion.isSlow).toBe(false);
    expect([congestion.takeDrained(), congestion.takeDrained()]).toEqual([true, false]);
  });

  test("whenDrained() resolves when the peer has gone", async () => {
    const { session, transport } = stalledSession({ soft: 10 });
    session.send("x".repeat(60));
    const ready = session[kWatchQueue]().whenDrained();
    transport.lose();
    await ready;
    await session[kWatchQueue]().whenDrained();
  });
});

describe("queued packets can be", () => {
  const texts = (session: { writeBuffer: readonly { data: unknown }[] }): unknown[] =>
    session.writeBuffer.map(({ data }) => data);

  test("dropped from its oldest end, each event whole", () => {
    const { session } = stalledSession({ soft: 10 });
    session.send("kept");
    const binary = new EventMark();
    session.send("51-a", { mark: binary });
    session.send(Buffer.from("bytes"), { mark: binary });
    session.send("b", { mark: new EventMark() });
    session[kWatchQueue]().dropOldest(4);
    expect(texts(session)).toEqual(["kept", "b"]);
    expect(session.bufferedBytes).toBe(5);
    expect(session[kWatchQueue]().dropped).toBe(1);
  });

  test("replaced by key", () => {
    const { session } = stalledSession({});
    session.send("old", { mark: new EventMark("key") });
    session.send("other", { mark: new EventMark("another") });
    expect(session[kWatchQueue]().supersede("key")).toBe(true);
    expect(session[kWatchQueue]().supersede("key")).toBe(false);
    session.send("new", { mark: new EventMark("key") });
    expect(texts(session)).toEqual(["other", "new"]);
  });
});

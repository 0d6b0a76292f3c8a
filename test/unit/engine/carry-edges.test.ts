/*
 * The carry of a session at its edges: clients that do not read, listeners that end the session in between.
 */
import { describe, expect, test } from "vitest";
import type { Carry } from "../../../packages/server/src/engine/carry/carry.ts";
import { kAdrift, kCarry, kOfferUpgrade, kTakeBack } from "../../../packages/server/src/engine/keys.ts";
import { queuedProcessBytes } from "../../../packages/server/src/engine/outgoing/congestion.ts";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { PollingTransport } from "../../../packages/server/src/engine/transports/polling.ts";
import { endOfTick, openSession } from "./fake-host.ts";
import { FakeTransport } from "./fake-transport.ts";

const open = (transport = "websocket") => openSession({ transport, carry: true });

const returnBy = ({ session }: ReturnType<typeof open>, transport: FakeTransport, count = 0): void =>
  session[kTakeBack](transport, { carry: String(count), key: (session[kCarry] as Carry).key, turn: "1" });

describe("a client that does not read", () => {
  test.each([
    ["asks for counts", "noop", "0?"],
    ["sends messages", "message", ""],
  ] as const)("and %s does not fill the queue", async (_, type, data) => {
    const { session, transport } = open();
    transport.writable = false;
    for (let index = 0; index < 12_800; index++) transport.receive(type, data);
    await endOfTick();
    expect(session.writeBuffer.length).toBeLessThan(6);
    expect(session.writeBuffer.at(-1)?.data).toBe(type === "message" ? "12545" : "0");
  });

  test("loses messages that are kept: the limit is reported once, and again after a count", async () => {
    const { session, transport, host } = open();
    for (let index = 0; index < 600; index++) session.send("x");
    await endOfTick();
    expect(host.limits).toEqual(["CARRY_FULL"]);
    transport.receive("noop", "100");
    for (let index = 0; index < 600; index++) session.send("x");
    await endOfTick();
    expect(host.limits).toEqual(["CARRY_FULL", "CARRY_FULL"]);
  });
});

describe("a process that keeps too much for its clients", () => {
  /** Sends kilobytes that a client has read, and does not confirm. */
  async function sendTo({ session }: ReturnType<typeof open>, kilobytes: number): Promise<void> {
    for (let index = 0; index < kilobytes; index++) session.send("x".repeat(1000));
    await endOfTick();
  }
  const wasKept = ({ session }: ReturnType<typeof open>): boolean =>
    session[kCarry]?.refusalOf({ carry: "0", key: session[kCarry].key, turn: "1" }) === undefined;

  test("forgets what clients with much do not confirm, and frees what ended sessions had", async () => {
    const [few, many, later] = [open(), open(), open()];
    for (const { host } of [few, many, later]) host.slowReader = { ...host.slowReader, process: 150_000 };
    await sendTo(few, 50);
    await sendTo(many, 120);
    expect([wasKept(few), wasKept(many), many.host.limits]).toEqual([true, false, ["CARRY_FULL"]]);
    few.session.close(true);
    many.session.close(true);
    await sendTo(later, 120);
    expect(wasKept(later)).toBe(true);
    later.session.close(true);
  });
});

describe("a session that a listener ends", () => {
  test("while its transport is left is not counted as adrift", () => {
    const { session, transport, host, clock } = open();
    transport.on("close", () => session.close(true));
    session.onClose(closeReason("PING_TIMEOUT"));
    clock.advance(60_000);
    expect([session.readyState, host[kAdrift].size]).toEqual(["closed", 0]);
  });

  test("while its client returns leaves nothing in the counters, and the new transport ends", async () => {
    const opened = open();
    const { session, transport, host } = opened;
    session.send("a");
    await endOfTick();
    const before = queuedProcessBytes();
    transport.on("close", () => session.close(true));
    const next = new FakeTransport("websocket");
    returnBy(opened, next);
    expect([session.readyState, host.stats.queued, queuedProcessBytes() - before]).toEqual(["closed", 0, 0]);
    expect(next.readyState).toBe("closed");
  });

  test("in `carried` is not pinged any more", () => {
    const opened = open();
    const { session, transport, clock } = opened;
    session.on("carried", () => session.close(true));
    transport.lose();
    const next = new FakeTransport("websocket");
    returnBy(opened, next);
    const timers = clock.pending;
    clock.advance(60_000);
    expect([session.readyState, next.calls, timers]).toEqual(["closed", ["close"], 0]);
  });
});

test("a WebSocket that still waits for the last POST delivers nothing once it is left", () => {
  const { session, transport, received } = open("polling");
  const candidate = new FakeTransport("websocket");
  let end = (): void => {};
  transport.retire = (done) => (end = done);
  transport.discard = () => end();
  // What has come in while it was paused.
  candidate.resume = () => candidate.receive("message", "after the POST");
  session[kOfferUpgrade](candidate);
  candidate.receive("upgrade");
  session.onClose(closeReason("PING_TIMEOUT"));
  expect(received).toEqual([]);
});

test("a request that finds long-polling closed is answered", () => {
  const transport = new PollingTransport({ _query: { EIO: "4" }, headers: {} } as never, { addHeaders() {} } as never);
  transport.discard();
  const answers: unknown[] = [];
  const res = {
    req: { headers: {}, socket: {} },
    writeHead: (status: number) => answers.push(status),
    end: (body: string) => answers.push(body),
  };
  transport.onRequest({ req: { method: "GET" }, res } as never);
  expect(answers).toEqual([400, '{"message":"the session has ended"}']);
});

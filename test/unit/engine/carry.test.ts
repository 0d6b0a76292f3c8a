import { describe, expect, test } from "vitest";
import {
  CARRY_TABLE,
  type Carry,
  type CarryPhase,
  type CarryQuery,
  type CarrySignal,
} from "../../../packages/server/src/engine/carry/carry.ts";
import { resolveCarry } from "../../../packages/server/src/engine/carry/options.ts";
import { carryFor } from "../../../packages/server/src/engine/carry/return.ts";
import { kAdrift, kCarry, kOfferUpgrade, kTakeBack } from "../../../packages/server/src/engine/keys.ts";
import { type CloseCode, closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { endOfTick, openSession, PING_INTERVAL, PING_TIMEOUT } from "./fake-host.ts";
import { FakeTransport } from "./fake-transport.ts";

/** A session whose client has asked to be carried, and what a returning client says. */
function openCarried(transport = "websocket", carry: Parameters<typeof resolveCarry>[0] = true) {
  const opened = openSession({ transport, carry });
  const book = opened.session[kCarry] as Carry;
  const queryOf = (count: number, turn = 1): CarryQuery => ({
    carry: String(count),
    key: book.key,
    turn: String(turn),
  });
  opened.transport.sent.length = 0;
  /** The client returns, as far as the session sees it. */
  const returnBy = (name: string, count: number, turn?: number): FakeTransport => {
    const next = new FakeTransport(name);
    if (name === "polling") next.writable = false;
    opened.session[kTakeBack](next, queryOf(count, turn));
    if (name === "polling") next.drain();
    return next;
  };
  return { ...opened, book, queryOf, returnBy };
}

describe("the phases", () => {
  const EXPECTED: Record<CarryPhase, Record<CarrySignal, [CarryPhase, string]>> = {
    steady: {
      lost: ["adrift", "wait"],
      returned: ["steady", "resume"],
      expired: ["steady", "ignore"],
      ended: ["ended", "ignore"],
    },
    adrift: {
      lost: ["adrift", "ignore"],
      returned: ["steady", "resume"],
      expired: ["ended", "give up"],
      ended: ["ended", "stop"],
    },
    ended: {
      lost: ["ended", "ignore"],
      returned: ["ended", "ignore"],
      expired: ["ended", "ignore"],
      ended: ["ended", "ignore"],
    },
  };

  test("are those of the table", () => {
    expect(CARRY_TABLE).toEqual(EXPECTED);
  });

  test.each([
    ["CONNECTION_CLOSED", true],
    ["CONNECTION_FAILED", true],
    ["POLL_ABORTED", true],
    ["POLL_LOST", true],
    ["POST_ABORTED", true],
    ["PING_TIMEOUT", true],
    ["PROTOCOL_VIOLATION", true],
    ["OVERLAPPING_POLL", true],
    ["OVERLAPPING_POST", true],
    ["CLIENT_CLOSED", false],
    ["TRANSPORT_CLOSED", false],
    ["SERVER_CLOSED", false],
    ["SERVER_SHUTDOWN", false],
    ["SLOW_READER", false],
    ["PAYLOAD_TOO_LARGE", false],
    ["INVALID_PACKET", false],
  ] as [CloseCode, boolean][])("after %s the session waits for its client: %s", (code, isCarried) => {
    const { session, closes } = openCarried();
    session.onClose(closeReason(code));
    expect(session.readyState).toBe(isCarried ? "open" : "closed");
    expect(closes).toHaveLength(isCarried ? 0 : 1);
  });
});

describe("the handshake", () => {
  test("says the key and the window to a client that asks", () => {
    const { transport } = openSession({ carry: { window: 5000 } });
    const { carry } = JSON.parse((transport.sent[0] as string).slice("open:".length));
    expect(carry).toEqual({ key: expect.stringMatching(/^[\w-]{20}$/), window: 5000 });
  });

  test.each([
    ["a client that does not ask", { carry: undefined }, 4, true],
    ["a client that asks in another way", { carry: "yes" }, 4, true],
    ["a client of revision 3", { carry: "1" }, 3, true],
    ["any client, if the option is false", { carry: "1" }, 4, false],
  ] as const)("says nothing to %s", (_, query, protocol, option) => {
    const { session } = openSession({ protocol });
    expect(carryFor(session, query, option)).toBeUndefined();
  });
});

describe("counting", () => {
  test("a ping has the count of the messages that came in, and a pong confirms", async () => {
    const { session, transport, clock, returnBy } = openCarried();
    transport.receive("message", "a");
    await endOfTick();
    transport.receive("message", "b");
    session.send("x");
    session.send("y");
    await endOfTick();
    clock.advance(PING_INTERVAL);
    await endOfTick();
    expect(transport.sent).toEqual(["noop:1", "message:x,message:y", "ping:2"]);
    transport.receive("pong", "1");
    transport.lose();
    expect(returnBy("websocket", 1).sent).toEqual(["noop:2,message:y"]);
  });

  test("the server reports after the first message, and after 256 more", async () => {
    const { transport } = openCarried();
    for (let index = 0; index < 260; index++) transport.receive("message", "a");
    await endOfTick();
    expect(transport.sent).toEqual(["noop:1,noop:257"]);
  });

  test("the server answers a client that asks", async () => {
    const { transport } = openCarried();
    transport.receive("noop", "0?");
    await endOfTick();
    expect(transport.sent).toEqual(["noop:0"]);
  });

  test.each([undefined, "", "x", "-1", "7", "1e9", "7?x"])("a count %j changes nothing", async (count) => {
    const { session, transport, returnBy } = openCarried();
    session.send("x");
    await endOfTick();
    transport.receive("noop", count);
    transport.receive("pong", count);
    transport.lose();
    expect(returnBy("websocket", 0).sent).toEqual(["noop:0,message:x"]);
  });
});

describe("a session adrift", () => {
  test("queues, is not writable, and goes on over the transport of its client", async () => {
    const { session, transport, closes, received, returnBy } = openCarried();
    session.send("a");
    session.send("b");
    await endOfTick();
    transport.receive("message", "1");
    transport.lose();
    session.send("c");
    expect([session.writable, session.readyState, session.carried]).toEqual([false, "open", 0]);
    const events: string[][] = [];
    session.on("carried", (...names: string[]) => events.push(names));
    const polling = returnBy("polling", 1);
    expect(polling.sent).toEqual(["noop:1,message:b,noop:1,message:c"]);
    polling.receive("message", "2");
    expect(received).toEqual(["1", "2"]);
    expect(session.transport).toBe(polling);
    expect([session.carried, events, closes]).toEqual([1, [["websocket", "polling"]], []]);
  });

  test("has a heartbeat again after the return, and none before", async () => {
    const { session, transport, clock, closes, returnBy } = openCarried("websocket", { window: 3_600_000 });
    transport.lose();
    clock.advance(PING_INTERVAL + PING_TIMEOUT + 1000);
    expect(closes).toEqual([]);
    const next = returnBy("websocket", 0);
    clock.advance(PING_INTERVAL);
    await endOfTick();
    expect(next.sent.at(-1)).toBe("ping:0");
    clock.advance(PING_TIMEOUT);
    expect([session.readyState, closes]).toEqual(["open", []]);
    expect(next.calls).toContain("discard");
  });

  test("ends with its first reason when the window is over", () => {
    const { session, transport, host, clock, closes } = openCarried("websocket", { window: 10_000 });
    transport.lose();
    expect(host[kAdrift].size).toBe(1);
    clock.advance(9_999);
    expect(closes).toEqual([]);
    clock.advance(1);
    expect(closes).toEqual([{ reason: "transport close", code: "CONNECTION_CLOSED" }]);
    expect([session.readyState, host[kAdrift].size, host.closed]).toEqual(["closed", 0, ["the-session"]]);
  });

  test("ends at once if the server ends it", () => {
    const { session, transport, host, clock, closes } = openCarried();
    transport.lose();
    session.close(true);
    expect(closes).toEqual([{ reason: "forced close", code: "SERVER_CLOSED" }]);
    clock.advance(60_000);
    expect([closes.length, host[kAdrift].size]).toEqual([1, 0]);
  });

  test("that is closed in good order waits for its client, which gets what is queued", () => {
    const { session, transport, closes, returnBy } = openCarried();
    transport.lose();
    session.send("last");
    session.close();
    expect(closes).toEqual([]);
    const next = returnBy("websocket", 0);
    expect(next.sent).toEqual(["noop:0,message:last"]);
    expect(next.calls).toContain("close");
    expect(closes).toEqual([{ reason: "forced close", code: "SERVER_CLOSED" }]);
  });

  test("may die again before its queue has left", async () => {
    const { session, transport, returnBy } = openCarried();
    session.send("a");
    await endOfTick();
    transport.lose();
    const second = new FakeTransport("websocket");
    second.writable = false;
    session[kTakeBack](second, { carry: "0", key: (session[kCarry] as Carry).key, turn: "1" });
    session.send("b");
    second.lose();
    expect(
      returnBy("websocket", 0, 2)
        .sent.join()
        .split(",")
        .filter((packet) => packet.startsWith("m")),
    ).toEqual(["message:a", "message:b"]);
  });
});

describe("a client that returns", () => {
  test("takes over from a transport that looks alive, which ends without a word", async () => {
    const { session, transport, returnBy, received, closes } = openCarried();
    session.send("a");
    await endOfTick();
    const next = returnBy("polling", 0);
    expect(next.sent).toEqual(["noop:0,message:a"]);
    expect([transport.calls, transport.readyState]).toEqual([["discard"], "closed"]);
    transport.receive("message", "late");
    expect([received, closes]).toEqual([[], []]);
  });

  test("ends an upgrade under way, and may be upgraded again", () => {
    const { session, transport, returnBy, host } = openCarried("polling");
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    candidate.receive("ping", "probe");
    transport.lose();
    expect(session.upgrading).toBe(false);
    // without a word: the client may have committed
    expect(candidate.calls).not.toContain("close");
    expect(candidate.readyState).toBe("closed");
    const polling = returnBy("polling", 0);
    const second = new FakeTransport("websocket");
    session[kOfferUpgrade](second);
    second.receive("ping", "probe");
    second.receive("upgrade");
    expect([session.upgraded, session.transport]).toEqual([true, second]);
    second.lose();
    expect(session.upgraded).toBe(false);
    expect(polling.calls).not.toContain("close");
    expect(host.stats.carried).toEqual({ "polling>polling": 1 });
  });

  test("leaves behind what it was upgraded from", () => {
    const { session, transport, returnBy, received } = openCarried("polling");
    const candidate = new FakeTransport("websocket");
    transport.retire = () => {}; // a POST is still read
    session[kOfferUpgrade](candidate);
    candidate.receive("upgrade");
    candidate.lose();
    transport.receive("message", "late");
    returnBy("polling", 0);
    transport.receive("message", "later");
    expect(received).toEqual([]);
  });

  describe("is refused", () => {
    const REFUSALS: [string, Partial<CarryQuery>, string][] = [
      ["with another key", { key: "x".repeat(20) }, "CARRY_KEY"],
      ["with a longer key", { key: "x".repeat(21) }, "CARRY_KEY"],
      ["with a count from the future", { carry: "3" }, "CARRY_COUNT"],
      ["with a count that is not a number", { carry: "many" }, "CARRY_COUNT"],
      ["with an empty count", { carry: "" }, "CARRY_COUNT"],
      ["with an earlier turn", { turn: "1" }, "CARRY_TURN"],
      ["with a turn that is not a number", { turn: "-1" }, "CARRY_TURN"],
      ["without a turn", { turn: undefined }, "CARRY_TURN"],
    ];
    test.each(REFUSALS)("%s: %o %s", async (_, query, name) => {
      const { session, transport, queryOf, returnBy } = openCarried();
      returnBy("websocket", 0);
      session.send("a");
      session.send("b");
      await endOfTick();
      transport.lose();
      const { [kCarry]: book } = session;
      expect(book?.refusalOf({ ...queryOf(2, 2), ...query })).toBe(name);
      expect(book?.refusalOf(queryOf(2, 2))).toBeUndefined();
    });

    test("if it lacks what is not kept any more", async () => {
      const { session, transport, host, book, queryOf } = openCarried("websocket", { maxPackets: 2 });
      for (const data of ["a", "b", "c"]) session.send(data);
      await endOfTick();
      transport.lose();
      expect(book.refusalOf(queryOf(0))).toBe("CARRY_COUNT");
      expect(book.refusalOf(queryOf(1))).toBeUndefined();
      expect(host.limits).toEqual(["CARRY_FULL"]);
    });
  });
});

test("requests of an earlier turn, and any while the session is adrift, are refused", () => {
  const { transport, book, returnBy } = openCarried();
  expect(book.refusalOf({})).toBeUndefined();
  transport.lose();
  expect(book.refusalOf({})).toBe("CARRY_ADRIFT");
  returnBy("polling", 0);
  expect(book.refusalOf({})).toBe("CARRY_TURN");
  expect(book.refusalOf({ turn: "1" })).toBeUndefined();
  expect(book.refusalOf({ turn: "2" })).toBe("CARRY_TURN");
});

describe("the option", () => {
  const DEFAULTS = { window: 10_000, maxBytes: 262_144, maxPackets: 512 };
  test.each([
    [undefined, DEFAULTS],
    [true, DEFAULTS],
    [{}, DEFAULTS],
    [{ window: 1 }, { ...DEFAULTS, window: 1 }],
    [{ window: Infinity }, { ...DEFAULTS, window: 2 ** 31 - 1 }],
    [
      { maxBytes: 0, maxPackets: 1 },
      { ...DEFAULTS, maxBytes: 0, maxPackets: 1 },
    ],
    [false, undefined],
  ])("%o", (option, limits) => {
    expect(resolveCarry(option)).toEqual(limits);
  });

  test.each([["on"], [1], [{ window: -1 }], [{ window: "soon" }], [{ maxPackets: 0 }], [{ maxBytes: Number.NaN }]])(
    "can't be %o",
    (option) => {
      expect(() => resolveCarry(option as never)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    },
  );
});

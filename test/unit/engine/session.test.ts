import { describe, expect, test } from "vitest";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { PreparedMessage } from "../../../packages/server/src/engine/outgoing/prepared-message.ts";
import { endOfTick, openSession, PING_INTERVAL, PING_TIMEOUT } from "./fake-host.ts";
import { FakeTransport } from "./fake-transport.ts";
import { kBeat, kOfferUpgrade, kSendPrepared } from "../../../packages/server/src/engine/keys.ts";

describe("the handshake", () => {
  test("has exactly the fields that a client needs", () => {
    const { transport } = openSession();
    const [open = ""] = transport.sent;
    expect(JSON.parse(open.slice("open:".length))).toEqual({
      sid: "the-session",
      upgrades: ["websocket"],
      pingInterval: PING_INTERVAL,
      pingTimeout: PING_TIMEOUT,
      maxPayload: 1e6,
    });
  });
});

describe("sending", () => {
  test("packets of one tick leave as one batch, in order", async () => {
    const { session, transport } = openSession();
    transport.sent.length = 0;
    session.send("a");
    session.send("b");
    session[kSendPrepared](new PreparedMessage(["c", Buffer.from("d")]));
    expect(transport.sent).toEqual([]);
    await endOfTick();
    expect(transport.sent).toEqual(["message:a,message:b,message:c,message:d"]);
  });

  test("packets wait while the transport can't take any", async () => {
    const { session, transport } = openSession();
    transport.sent.length = 0;
    transport.writable = false;
    session.send("a");
    await endOfTick();
    expect(session.writable).toBe(false);
    expect(session.writeBuffer).toHaveLength(1);
    session.send("b");
    transport.drain();
    expect(transport.sent).toEqual(["message:a,message:b"]);
    transport.drain();
    expect(session.writable).toBe(true);
  });

  test("packets beyond the transport's limit follow in order", async () => {
    const { session, transport, closes } = openSession();
    transport.sent.length = 0;
    Object.defineProperty(transport, "maxBatch", { value: 2 });
    for (const data of ["a", "b", "c", "d", "e"]) session.send(data);
    await endOfTick();
    expect(transport.sent).toEqual(["message:a,message:b"]);
    expect(session.bufferedBytes).toBe(3);
    session.close();
    transport.drain();
    expect(transport.sent).toEqual(["message:a,message:b", "message:c,message:d"]);
    expect(closes).toEqual([]);
    transport.drain();
    expect(transport.sent.at(-1)).toBe("message:e");
    expect(closes).toHaveLength(1);
  });

  test("a callback comes once its message is on its way, and never when the session ends first", async () => {
    const { session, transport } = openSession();
    const calls: string[] = [];
    session.send("a", {}, (carrier) => calls.push(`a on ${carrier.name}`));
    await endOfTick();
    expect(calls).toEqual(["a on polling"]);
    transport.writable = false;
    session.send("b", {}, () => calls.push("b"));
    transport.lose();
    await endOfTick();
    expect(calls).toEqual(["a on polling"]);
  });

  test("a `packetCreate` listener may change the packet, even a shared one, for its session alone", async () => {
    const first = openSession();
    const second = openSession();
    first.session.on("packetCreate", (packet: { data: string }) => (packet.data = packet.data.toUpperCase()));
    const message = new PreparedMessage(["hello"]);
    first.session[kSendPrepared](message);
    second.session[kSendPrepared](message);
    await endOfTick();
    expect(first.transport.sent.at(-1)).toBe("message:HELLO");
    expect(second.transport.sent.at(-1)).toBe("message:hello");
  });

  test("public events report received and sent packets", async () => {
    const { session, transport } = openSession();
    const events: string[] = [];
    for (const name of ["packet", "packetCreate", "flush", "drain", "data", "message", "heartbeat"]) {
      session.on(name, () => events.push(name));
    }
    session.send("out");
    await endOfTick();
    transport.receive("message", "in");
    transport.receive("pong");
    expect(events).toEqual(["packetCreate", "flush", "drain", "packet", "data", "message", "packet", "heartbeat"]);
  });
});

describe("the heartbeat of revision 4", () => {
  test("pings after pingInterval and goes on as long as pongs come", async () => {
    const { clock, transport, closes } = openSession();
    for (let round = 1; round <= 3; round += 1) {
      transport.sent.length = 0;
      clock.advance(PING_INTERVAL + 1_500);
      await endOfTick();
      expect(transport.sent).toEqual(["ping"]);
      transport.receive("pong");
      transport.drain();
    }
    expect(closes).toEqual([]);
  });

  test("ends a session that does not answer within pingTimeout", () => {
    const { clock, closes, host } = openSession();
    clock.advance(PING_INTERVAL + PING_TIMEOUT - 1);
    expect(closes).toEqual([]);
    clock.advance(3_000);
    expect(closes).toEqual([{ reason: "ping timeout", code: "PING_TIMEOUT" }]);
    expect(host.closed).toEqual(["the-session"]);
    expect(clock.pending).toBe(0);
  });

  test("a packet while a pong is awaited extends the wait, once", () => {
    const { clock, transport, closes } = openSession();
    clock.advance(PING_INTERVAL + 1_000);
    clock.advance(PING_TIMEOUT - 2_000);
    transport.receive("message", "still here");
    clock.advance(PING_TIMEOUT - 2_000);
    transport.receive("message", "and here");
    expect(closes).toEqual([]);
    clock.advance(4_000);
    expect(closes).toHaveLength(1);
  });

  test("refuses a ping of the client", () => {
    const { transport, closes } = openSession();
    transport.receive("ping");
    expect(closes).toEqual([{ reason: "transport error", code: "INVALID_HEARTBEAT" }]);
  });
});

describe("the heartbeat of revision 3", () => {
  test("has one answer wait for a client that pings and does not read", () => {
    const { session, transport } = openSession({ protocol: 3 });
    transport.writable = false;
    for (let number = 0; number < 1000; number++) transport.receive("ping", `ping ${number}`);
    expect(session.writeBuffer.map(({ type, data }) => [type, data])).toEqual([["pong", "ping 0"]]);
    session.send("x");
    transport.receive("ping", "later");
    expect(session.writeBuffer.map(({ data }) => data)).toEqual(["ping 0", "x", "later"]);
    session.close(true);
  });

  test("answers the client's pings, with their data, and waits for the sum of both times", async () => {
    const { clock, transport, closes } = openSession({ protocol: 3 });
    transport.sent.length = 0;
    clock.advance(PING_INTERVAL + PING_TIMEOUT - 1_000);
    transport.receive("ping", "data");
    await endOfTick();
    expect(transport.sent).toEqual(["pong:data"]);
    clock.advance(PING_INTERVAL + PING_TIMEOUT - 1_000);
    expect(closes).toEqual([]);
    clock.advance(3_000);
    expect(closes).toEqual([{ reason: "ping timeout", code: "PING_TIMEOUT" }]);
  });

  test("refuses a pong of the client", () => {
    const { transport, closes } = openSession({ protocol: 3 });
    transport.receive("pong");
    expect(closes).toEqual([{ reason: "transport error", code: "INVALID_HEARTBEAT" }]);
  });
});

describe("closing", () => {
  test("sends queued packets first", async () => {
    const { session, transport, closes } = openSession();
    transport.sent.length = 0;
    transport.writable = false;
    session.send("last words");
    session.close();
    expect(session.readyState).toBe("closing");
    session.send("too late");
    expect(closes).toEqual([]);
    transport.drain();
    expect(transport.sent).toEqual(["message:last words"]);
    expect(closes).toEqual([{ reason: "forced close", code: "SERVER_CLOSED" }]);
  });

  test("with `discard` drops queued packets", () => {
    const { session, transport, closes } = openSession();
    transport.sent.length = 0;
    session.send("lost");
    session.close(true);
    expect(transport.sent).toEqual([]);
    expect(transport.readyState).toBe("closed");
    expect(closes).toHaveLength(1);
  });

  test("queued packets are still there for a `close` listener", () => {
    const { session, transport } = openSession();
    transport.writable = false;
    session.send("saved");
    let saved: unknown;
    session.on("close", () => (saved = session.writeBuffer.map(({ data }) => data)));
    transport.lose();
    expect(saved).toEqual(["saved"]);
  });

  test("leaves no timer, no queue and no owner behind", () => {
    const { session, transport, clock, received } = openSession();
    transport.writable = false;
    session.send("never sent");
    transport.lose();
    expect(clock.pending).toBe(0);
    expect(session.writeBuffer).toHaveLength(0);
    transport.receive("message", "from the past");
    expect(received).toEqual([]);
  });

  test("discards a transport that was waiting for a last poll", () => {
    const { session, transport, host, closes } = openSession();
    transport.readyState = "closing";
    host.heartbeat.cancel(session[kBeat]);
    session.close(true);
    expect(transport.calls).toEqual(["discard"]);
    expect(closes).toHaveLength(1);
  });

  test("is reported once, whatever follows", () => {
    const { session, transport, closes, clock } = openSession();
    transport.lose();
    session.close();
    session.close(true);
    session.onClose(closeReason("CONNECTION_FAILED"));
    clock.advance(100_000);
    expect(closes).toEqual([{ reason: "transport close", code: "CONNECTION_CLOSED" }]);
  });
});

describe("the upgrade of a session", () => {
  const probe = (candidate: FakeTransport): void => candidate.receive("ping", "probe");

  test("moves it: packets go over the new transport in both directions", async () => {
    const { session, transport, received } = openSession();
    const candidate = new FakeTransport("websocket");
    const events: string[] = [];
    session.on("upgrading", () => events.push("upgrading"));
    session.on("upgrade", (to: FakeTransport) => events.push(`upgrade to ${to.name}`));
    session[kOfferUpgrade](candidate);
    probe(candidate);
    expect(session.upgrading).toBe(true);
    candidate.receive("upgrade");
    expect(session.upgraded).toBe(true);
    expect(session.upgrading).toBe(false);
    expect(session.transport).toBe(candidate);
    expect(transport.readyState).toBe("closed");
    session.send("out");
    candidate.receive("message", "in");
    await endOfTick();
    expect(candidate.sent).toEqual(["pong:probe", "message:out"]);
    expect(received).toEqual(["in"]);
    expect(events).toEqual(["upgrading", "upgrade to websocket"]);
  });

  test("a waiting poll, and any later one, is answered at once while probed", () => {
    const { session, transport } = openSession();
    transport.sent.length = 0;
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    probe(candidate);
    expect(transport.sent).toEqual(["noop"]);
    transport.drain();
    expect(transport.sent).toEqual(["noop", "noop"]);
    session.send("what is queued goes first");
    transport.drain();
    expect(transport.sent[2]).toBe("message:what is queued goes first");
  });

  test("a failed one leaves the session where it was", async () => {
    const { session, transport, received, closes } = openSession();
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    probe(candidate);
    candidate.lose();
    transport.sent.length = 0;
    transport.drain();
    session.send("still polling");
    transport.receive("message", "me too");
    await endOfTick();
    expect(transport.sent).toEqual(["message:still polling"]);
    expect(received).toEqual(["me too"]);
    expect(closes).toEqual([]);
  });

  test("queued packets go before the packet that ends a poll", () => {
    const { session, transport } = openSession();
    const candidate = new FakeTransport("websocket");
    transport.sent.length = 0;
    session.send("first");
    session[kOfferUpgrade](candidate);
    probe(candidate);
    expect(transport.sent).toEqual(["message:first"]);
  });

  test("the old transport's end no longer concerns the session", () => {
    const { session, transport, closes } = openSession();
    const candidate = new FakeTransport("websocket");
    transport.retire = (done) => done();
    session[kOfferUpgrade](candidate);
    candidate.receive("upgrade");
    transport.lose();
    expect(closes).toEqual([]);
    expect(session.readyState).toBe("open");
  });

  test("completes a close that had nothing left to send", () => {
    const { session, transport, closes } = openSession();
    transport.close = () => {};
    session.close();
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    candidate.receive("upgrade");
    expect(candidate.readyState).toBe("closed");
    expect(closes).toHaveLength(1);
  });

  test("to the transport that it already has is refused", () => {
    const { session } = openSession({ transport: "websocket" });
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    expect(candidate.readyState).toBe("closed");
  });

  test("may complete while the session is closing", () => {
    const { session, transport, closes } = openSession();
    transport.writable = false;
    session.send("last words");
    const candidate = new FakeTransport("websocket");
    session[kOfferUpgrade](candidate);
    session.close();
    candidate.receive("upgrade");
    expect(candidate.sent).toEqual(["message:last words"]);
    expect(closes).toEqual([{ reason: "forced close", code: "SERVER_CLOSED" }]);
  });
});

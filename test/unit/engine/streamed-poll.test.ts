import { EnginePacket, type EnginePacketType, type RawData } from "@portage/parser/engine";
import { describe, expect, test } from "vitest";
import { kTransportOwner } from "../../../packages/server/src/engine/keys.ts";
import { PacketSendOptions } from "../../../packages/server/src/engine/outgoing/prepared-message.ts";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import type { TransportContext } from "../../../packages/server/src/engine/transports/context.ts";
import { JsonpTransport } from "../../../packages/server/src/engine/transports/polling-jsonp.ts";
import { PollingTransport } from "../../../packages/server/src/engine/transports/polling.ts";
import { exchange, limits, Recorder } from "./fake-http.ts";

const ACCEPT = { accept: "text/event-stream" };

const packet = (type: EnginePacketType, data?: RawData): EnginePacket =>
  new EnginePacket(type, data, new PacketSendOptions(true, undefined));
const message = (data: RawData): EnginePacket => packet("message", data);

function setUp(over: Partial<TransportContext> = {}, query: Record<string, string> = { EIO: "4" }) {
  const rules = limits(over);
  const Kind = query["j"] === undefined ? PollingTransport : JsonpTransport;
  const transport = new Kind(exchange("GET", {}, query).http.req, rules);
  const owner = new Recorder();
  transport[kTransportOwner] = owner;
  const ask = (method: "GET" | "POST", stream?: string, headers: Record<string, string> = ACCEPT) => {
    const made = exchange(method, headers, { ...query, ...(stream !== undefined && { stream }) });
    transport.onRequest(made.http);
    return made;
  };
  return { transport, owner, ask, clock: rules.clock };
}

describe("a streamed poll", () => {
  test("is answered at once, with a comment of the wanted size", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET", "20");
    expect(res.status).toBe(200);
    expect(res.headers).toEqual({
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    });
    expect(res.body).toBe(":                 \n\n");
    expect(res.body).toHaveLength(20);
    expect(transport.writable).toBe(true);
  });

  test.each([
    ["1", 3],
    ["2048", 2048],
    ["9999", 4096],
  ])("that asks for %s bytes gets %d", (stream, length) => {
    const { res } = setUp().ask("GET", stream);
    expect(res.body).toHaveLength(length);
  });

  test("that wants no comment gets its headers at once", () => {
    const { res } = setUp().ask("GET", "0");
    expect([res.status, res.body]).toEqual([200, undefined]);
  });

  test("carries one event a packet, for as many batches as there are", () => {
    const { transport, owner, ask } = setUp();
    const { res } = ask("GET", "0");
    transport.send([message("a"), message("b")]);
    transport.send([message(Buffer.from([1, 2, 3])), message("two\nlines"), packet("noop", "3")]);
    expect(res.body).toBe('data: 4a\n\ndata: 4b\n\ndata: bAQID\n\ndata: j"4two\\nlines"\n\ndata: 63\n\n');
    expect(transport.writable).toBe(true);
    expect(owner.drains).toBe(3);
  });

  test.each<[EnginePacketType, RawData | undefined]>([
    ["ping", undefined],
    ["ping", "12"],
    ["noop", undefined],
  ])("ends with the batch that has a %s %s", (type, data) => {
    const { transport, owner, ask } = setUp();
    const { res } = ask("GET", "0");
    transport.send([packet(type, data), message("a")]);
    expect(res.body).toContain("data: 4a");
    expect(res.writableFinished).toBe(true);
    expect(transport.writable).toBe(false);
    expect(ask("GET", "0").res.status).toBe(200);
    expect(owner.closes).toEqual([]);
  });

  test("ends past a million characters", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET", "0");
    transport.send([message("x".repeat(999_000))]);
    expect(res.writableFinished).toBe(false);
    transport.send([message("x".repeat(1000))]);
    expect(res.body).toMatch(/x\n\ndata: 6\n\n$/);
    expect(res.writableFinished).toBe(true);
  });

  test("keeps to maxPollPackets", () => {
    const { transport, ask } = setUp({ maxPollPackets: 3 });
    const { res } = ask("GET", "0");
    transport.send([message("a"), message("b")]);
    expect(transport.maxBatch).toBe(1);
    transport.send([message("c")]);
    expect(res.writableFinished).toBe(true);
    expect(transport.maxBatch).toBe(3);
  });

  test("waits for a client that does not read", () => {
    const { transport, owner, ask } = setUp();
    const { res } = ask("GET", "0");
    res.writableLength = 70_000;
    transport.send([message("a")]);
    expect(transport.writable).toBe(false);
    expect(transport.bufferedBytes).toBe(70_000);
    const { drains } = owner;
    res.read();
    expect(transport.writable).toBe(true);
    expect(owner.drains).toBe(drains + 1);
  });

  test("ends when the client says that it receives nothing", () => {
    const { transport, owner, ask } = setUp();
    const { res } = ask("GET", "0");
    res.writableLength = 1;
    transport.send([message("a")]);
    ask("POST").req.body("6");
    expect(res.body).toBe("data: 4a\n\ndata: 6\n\n");
    expect(transport.writable).toBe(false);
    expect(owner.packets).toEqual(["noop"]);
    expect(ask("GET").res.status).toBe(0);
  });

  test("goes on when the client sends a count", () => {
    const { ask, transport } = setUp();
    const { res } = ask("GET", "0");
    ask("POST").req.body("65");
    expect([res.body, transport.writable]).toEqual([undefined, true]);
  });

  test("is counted in the answers to POSTs", () => {
    const { transport, ask } = setUp();
    const before = ask("POST");
    before.req.body("4a");
    expect(before.res.body).toBe("ok");
    ask("GET", "0");
    transport.send([message("a"), message("b")]);
    const during = ask("POST");
    during.req.body("4a");
    expect(during.res.body).toBe("ok 2");
    transport.send([packet("ping")]);
    const after = ask("POST");
    after.req.body("4a");
    expect(after.res.body).toBe("ok");
  });

  test("that breaks ends the transport: packets may be lost", () => {
    const { owner, transport, ask } = setUp();
    ask("GET", "0").res.emit("close");
    expect(owner.closes.map(({ code }) => code)).toEqual(["POLL_LOST"]);
    expect(transport.writable).toBe(false);
  });

  test("on a lost connection ends the transport with the next packets", () => {
    const { transport, owner, ask } = setUp();
    ask("GET", "0").res.destroyed = true;
    transport.send([message("a")]);
    expect(owner.closes.map(({ code }) => code)).toEqual(["POLL_LOST"]);
  });

  test("breaks without a word when the session goes on elsewhere", () => {
    const { transport, owner, ask } = setUp();
    const { res } = ask("GET", "0");
    transport.drop();
    expect([res.destroyed, res.body, owner.closes]).toEqual([true, undefined, []]);
  });

  test("ends with the reason of the transport's end", () => {
    const { transport, ask } = setUp({}, { EIO: "4", reasons: "1" });
    const { res } = ask("GET", "0");
    transport.close(undefined, closeReason("SERVER_DRAINING"));
    expect(res.body).toBe("data: 11012 SERVER_DRAINING\n\n");
    expect(res.writableFinished).toBe(true);
  });

  test("of a client that does not read ends with the reason, and is cut off after ten seconds", () => {
    const { transport, ask, clock } = setUp();
    const { res } = ask("GET", "0");
    res.writableLength = 1;
    transport.send([message("a")]);
    transport.close(undefined, closeReason("SLOW_READER"));
    expect(res.body).toBe("data: 4a\n\ndata: 1\n\n");
    clock.advance(9_999);
    expect(res.destroyed).toBe(false);
    clock.advance(1);
    expect(res.destroyed).toBe(true);
  });

  test("ends with a noop when the session moves to another transport, even if the client does not read", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET", "0");
    res.writableLength = 1;
    transport.send([message("a")]);
    let isRetired = false;
    transport.retire(() => (isRetired = true));
    expect([isRetired, res.body]).toEqual([true, "data: 4a\n\ndata: 6\n\n"]);
  });

  test("that overlaps another one ends both", () => {
    const { owner, ask } = setUp();
    const first = ask("GET", "0");
    expect(ask("GET", "0").res.status).toBe(400);
    expect(first.res.body).toBe("data: 1\n\n");
    expect(owner.closes.map(({ code }) => code)).toEqual(["OVERLAPPING_POLL"]);
  });
});

describe("a plain answer is given to", () => {
  test.each<[string, Partial<TransportContext>, Record<string, string>, string, Record<string, string>]>([
    ["a client that does not accept events", {}, { EIO: "4" }, "1", {}],
    ["a program's own parameter", {}, { EIO: "4" }, "news", ACCEPT],
    ["revision 3", {}, { EIO: "3" }, "1", ACCEPT],
    ["JSONP", {}, { EIO: "4", j: "0" }, "1", ACCEPT],
    ["all, with streaming: false", { streaming: false }, { EIO: "4" }, "1", ACCEPT],
  ])("%s", (_case, over, query, stream, headers) => {
    const { transport, ask } = setUp(over, query);
    const { res } = ask("GET", stream, headers);
    expect(res.status).toBe(0);
    transport.send([message("a")]);
    expect(res.headers["Content-Type"]).not.toContain("event-stream");
  });
});

import { gunzipSync } from "node:zlib";
import { EnginePacket } from "@portage/parser/engine";
import { describe, expect, test } from "vitest";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { PacketSendOptions } from "../../../packages/server/src/engine/outgoing/prepared-message.ts";
import { PollingTransport } from "../../../packages/server/src/engine/transports/polling.ts";
import { JsonpTransport } from "../../../packages/server/src/engine/transports/polling-jsonp.ts";
import type { TransportContext } from "../../../packages/server/src/engine/transports/context.ts";
import { exchange, limits, Recorder } from "./fake-http.ts";
import { kTransportOwner } from "../../../packages/server/src/engine/keys.ts";

const message = (data: string | Buffer, compress = true): EnginePacket =>
  new EnginePacket("message", data, new PacketSendOptions(compress, undefined));

function setUp(options: Partial<TransportContext> = {}, query: Record<string, string> = { EIO: "4" }) {
  const rules = limits(options);
  const first = exchange("GET", {}, query);
  const transport =
    "j" in query ? new JsonpTransport(first.http.req, rules) : new PollingTransport(first.http.req, rules);
  const owner = new Recorder();
  transport[kTransportOwner] = owner;
  const ask = (method: "GET" | "POST" | "PUT", headers: Record<string, string> = {}) => {
    const made = exchange(method, headers, query);
    transport.onRequest(made.http);
    return made;
  };
  return { transport, owner, ask, clock: rules.clock };
}

describe("a poll", () => {
  test("waits until there is something to send", () => {
    const { transport, owner, ask } = setUp();
    expect(transport.writable).toBe(false);
    const { res } = ask("GET");
    expect(res.status).toBe(0);
    expect(transport.writable).toBe(true);
    expect(owner.drains).toBe(1);
    transport.send([message("hello"), message(Buffer.from([1, 2, 3]))]);
    expect(res.status).toBe(200);
    expect(res.headers).toEqual({
      "Content-Type": "text/plain; charset=UTF-8",
      "Content-Length": 12,
      "cache-control": "no-store",
    });
    expect(res.body).toBe("4hello\u001ebAQID");
    expect(transport.writable).toBe(false);
  });

  test("of revision 3 gets lengths, or bytes when a packet is binary", () => {
    const { transport, ask } = setUp({}, { EIO: "3" });
    const text = ask("GET");
    transport.send([message("héllo")]);
    expect(text.res.body).toBe("6:4héllo");
    const binary = ask("GET");
    transport.send([message(Buffer.from([1]))]);
    expect(binary.res.headers["Content-Type"]).toBe("application/octet-stream");
    expect(binary.res.body).toEqual(Buffer.from([1, 2, 255, 4, 1]));
  });

  test("of revision 3 that can't take bytes gets base64", () => {
    const { transport, ask } = setUp({}, { EIO: "3", b64: "1" });
    const { res } = ask("GET");
    transport.send([message(Buffer.from([1, 2, 3]))]);
    expect(res.body).toBe("6:b4AQID");
  });

  test("that overlaps another one ends both and the transport", () => {
    const { owner, ask } = setUp({}, { EIO: "4", reasons: "1" });
    const first = ask("GET");
    const second = ask("GET");
    expect(second.res.status).toBe(400);
    expect(second.res.body).toBe('{"message":"the client opened a second poll while one was pending"}');
    expect(first.res.body).toBe("11008 OVERLAPPING_POLL");
    expect(owner.closes.map(({ code }) => code)).toEqual(["OVERLAPPING_POLL"]);
  });

  test.each<Record<string, string>>([{ EIO: "4" }, { EIO: "4", reasons: "" }, { EIO: "3" }, { EIO: "4", j: "0" }])(
    "gets a bare close packet, where the client does not ask for reasons: %o",
    (query) => {
      const { ask } = setUp({}, query);
      const { res } = ask("GET");
      ask("GET");
      expect(res.body).toBe(query["j"] ? '___eio[0]("1");' : query["EIO"] === "3" ? "1:1" : "1");
    },
  );

  test("that the client drops ends the transport: its packets would have nowhere to go", () => {
    const { owner, ask } = setUp();
    ask("GET").res.emit("close");
    expect(owner.closes.map(({ reason, code }) => [reason, code])).toEqual([["transport error", "POLL_ABORTED"]]);
  });

  test("ends the transport if its answer breaks off: the packets in it are lost", () => {
    const { transport, owner, ask } = setUp();
    const { req } = ask("GET");
    Object.assign(req.socket, { errored: new Error("read ECONNRESET") });
    transport.send([message("lost")]);
    expect(owner.closes.map(({ code }) => code)).toEqual(["POLL_LOST"]);
  });

  test("counts as answered if its connection breaks after the answer has left, as behind some proxies", () => {
    const { transport, owner, ask } = setUp();
    const { req } = ask("GET");
    transport.send([message("read")]);
    Object.assign(req.socket, { errored: new Error("read ECONNRESET") });
    expect(ask("GET").res.status).toBe(0);
    expect(owner.closes).toEqual([]);
  });

  test("that is dropped while its answer is compressed is noticed", async () => {
    const { transport, owner, ask } = setUp({ httpCompression: { threshold: 10 } });
    const { res } = ask("GET", { "accept-encoding": "gzip" });
    transport.send([message("x".repeat(100_000))]);
    expect(res.status).toBe(0);
    expect(ask("GET").res.status).toBe(400);
    expect(owner.closes.map(({ code }) => code)).toEqual(["OVERLAPPING_POLL"]);
    const other = setUp({ httpCompression: { threshold: 10 } });
    const dropped = other.ask("GET", { "accept-encoding": "gzip" });
    other.transport.send([message("x".repeat(100_000))]);
    dropped.res.emit("close");
    expect(other.owner.closes.map(({ code }) => code)).toEqual(["POLL_ABORTED"]);
  });

  test("on a lost connection ends the transport with the next packets", () => {
    const { transport, owner, ask } = setUp();
    ask("GET").res.destroyed = true;
    transport.send([message("a")]);
    expect(owner.closes.map(({ code }) => code)).toEqual(["POLL_ABORTED"]);
  });

  test("is drained once its compressed answer is out", async () => {
    const { transport, owner, ask } = setUp({ httpCompression: { threshold: 10 } });
    const { res } = ask("GET", { "accept-encoding": "gzip" });
    const { drains } = owner;
    const answered = new Promise((resolve) => res.once("close", resolve));
    transport.send([message("x".repeat(100_000))]);
    await answered;
    await new Promise((resolve) => setImmediate(resolve));
    expect(owner.drains).toBe(drains + 1);
    expect(owner.closes).toEqual([]);
  });

  test("of an old Internet Explorer gets the header that it needs", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET", { "user-agent": "Mozilla/5.0 (Trident/7.0; rv:11.0)" });
    transport.send([message("a")]);
    expect(res.headers["X-XSS-Protection"]).toBe("0");
  });

  test("is compressed above the threshold, when both sides want it", () => {
    const { transport, ask } = setUp({ httpCompression: { threshold: 50 } });
    const long = "x".repeat(60);
    const wanted = ask("GET", { "accept-encoding": "deflate;q=0.5, gzip" });
    transport.send([message(long)]);
    expect(wanted.res.headers["Content-Encoding"]).toBe("gzip");
    expect(gunzipSync(wanted.res.body as Buffer).toString()).toBe(`4${long}`);
    const unwanted = ask("GET");
    transport.send([message(long)]);
    expect(unwanted.res.body).toBe(`4${long}`);
    const short = ask("GET", { "accept-encoding": "gzip" });
    transport.send([message("short")]);
    expect(short.res.headers["Content-Encoding"]).toBeUndefined();
    const opted = ask("GET", { "accept-encoding": "gzip" });
    transport.send([message(long, false)]);
    expect(opted.res.headers["Content-Encoding"]).toBeUndefined();
  });
});

describe("a POST", () => {
  test("delivers its packets in order and is answered with ok", () => {
    const { owner, ask } = setUp();
    const { req, res } = ask("POST");
    req.body("4a\u001e", "4\u20ac\u001e", "bAQID");
    expect(owner.packets).toEqual(["message:a", "message:€", "message:\u0001\u0002\u0003"]);
    expect([res.status, res.body, res.headers["Content-Type"]]).toEqual([200, "ok", "text/html"]);
  });

  test("may cut a character anywhere between two chunks", () => {
    const body = Buffer.from("4€😀");
    for (let cut = 0; cut <= body.length; cut += 1) {
      const { owner, ask } = setUp();
      ask("POST").req.body(body.subarray(0, cut), body.subarray(cut));
      expect(owner.packets).toEqual(["message:€😀"]);
    }
  });

  test("of revision 3 may be binary", () => {
    const { owner, ask } = setUp({}, { EIO: "3" });
    ask("POST", { "content-type": "application/octet-stream" }).req.body(Buffer.from([1, 2, 255, 4, 97]));
    expect(owner.packets).toEqual(["message:a"]);
  });

  test("of revision 4 may not be binary", () => {
    const { owner, ask } = setUp();
    const { res } = ask("POST", { "content-type": "application/octet-stream" });
    expect(res.status).toBe(400);
    expect(owner.closes.map(({ code }) => code)).toEqual(["INVALID_CONTENT"]);
  });

  test("over the limit is answered with 413, announced or not, and the transport lives on", () => {
    const { owner, ask } = setUp();
    const announced = ask("POST", { "content-length": "101" }).res;
    expect(announced.status).toBe(413);
    expect(JSON.parse(String(announced.body))).toEqual({ code: 8, message: "Payload too large", limit: 100 });
    const chunked = ask("POST");
    chunked.req.emit("data", Buffer.alloc(60));
    chunked.req.emit("data", Buffer.alloc(60));
    expect(chunked.res.status).toBe(413);
    chunked.req.emit("end");
    ask("POST").req.body(`4${"x".repeat(99)}`);
    expect(owner.packets).toHaveLength(1);
    expect(owner.closes).toEqual([]);
  });

  test("over the limit is a refusal with numbers, and why the client leaves, if it leaves for it", () => {
    const refusals: object[] = [];
    const { owner, ask } = setUp({ reportRefusal: (_req, refusal) => refusals.push(refusal) });
    const poll = ask("GET");
    ask("POST", { "content-length": "101" });
    expect(refusals).toEqual([{ code: 8, context: { name: "PAYLOAD_TOO_LARGE", limit: 100, actual: 101, sid: "" } }]);
    poll.res.destroy();
    const { reason, code, limit, actual } = owner.closes[0] ?? {};
    expect([reason, code, limit, actual]).toEqual(["transport error", "PAYLOAD_TOO_LARGE", 100, 101]);
  });

  test("over the limit is also the reason when the client sends a close packet next", () => {
    const { owner, ask } = setUp();
    ask("GET");
    ask("POST", { "content-length": "101" });
    ask("POST").req.body("1");
    expect(owner.closes.map(({ reason, code }) => [reason, code])).toEqual([["transport error", "PAYLOAD_TOO_LARGE"]]);
  });

  test("over the limit is not why a client leaves that has gone on since", () => {
    const { owner, ask } = setUp();
    ask("POST", { "content-length": "101" });
    ask("POST").req.body("4small\x1e1");
    expect(owner.closes.map(({ reason, code }) => [reason, code])).toEqual([["transport close", "CLIENT_CLOSED"]]);
  });

  test("over the limit is forgotten once another one has come", () => {
    const { owner, ask } = setUp();
    const poll = ask("GET");
    ask("POST", { "content-length": "101" });
    ask("POST").req.body("4small");
    poll.res.destroy();
    expect(owner.closes.map(({ code }) => code)).toEqual(["POLL_ABORTED"]);
  });

  test("that overlaps another one ends the transport", () => {
    const { owner, ask } = setUp();
    ask("POST");
    const { res } = ask("POST");
    expect(res.status).toBe(400);
    expect(res.body).toBe('{"message":"the client sent a second POST while one was pending"}');
    expect(owner.closes.map(({ code }) => code)).toEqual(["OVERLAPPING_POST"]);
  });

  test("that the client drops ends the transport", () => {
    const { owner, ask } = setUp();
    ask("POST").req.destroy();
    expect(owner.closes.map(({ code }) => code)).toEqual(["POST_ABORTED"]);
  });

  test("without further data times out: it gets an answer, and so does the waiting poll", () => {
    const { owner, ask, clock } = setUp({}, { EIO: "4", reasons: "1" });
    const poll = ask("GET");
    const { req, res } = ask("POST");
    clock.advance(29_000);
    req.emit("data", Buffer.from("4a"));
    clock.advance(29_000);
    expect(owner.closes).toEqual([]);
    clock.advance(2_000);
    expect(res.status).toBe(408);
    expect(res.headers["Connection"]).toBe("close");
    expect(JSON.parse(String(res.body))).toEqual({ message: owner.closes[0]?.message, limit: 30_000 });
    expect(poll.res.body).toBe("11008 POST_LATE: limit 30000");
    expect(owner.packets).toEqual([]);
    expect(owner.closes.map(({ code, limit }) => [code, limit])).toEqual([["POST_LATE", 30_000]]);
    expect(clock.pending).toBe(0);
  });

  test("of any number of pieces is read as it was sent", () => {
    const { owner, ask } = setUp();
    ask("POST").req.body(..."4héllo\u001e4world".split(""));
    expect(owner.packets).toEqual(["message:héllo", "message:world"]);
  });

  test("of garbage, or of too many packets, is a parse error", () => {
    for (const body of ["", "abc", "4a\u001e\u001e4b", "9", "4\u001e".repeat(6)]) {
      const { owner, ask } = setUp({}, { EIO: "4", reasons: "1" });
      const poll = ask("GET");
      ask("POST").req.body(body);
      expect(poll.res.body).toMatch(/^1(1002 INVALID_PACKET: ENGINE_[A-Z_]+|1008 TOO_MANY_PACKETS: 6 of 5)$/);
      expect(
        owner.closes.map(({ reason }) => reason),
        JSON.stringify(body),
      ).toEqual(["parse error"]);
    }
  });

  test("delivers the good packets before a bad one", () => {
    for (const [EIO, body] of [
      ["4", "4good\u001e9bad\u001e4never"],
      ["3", "5:4good2:9b5:4nevr"],
    ] as const) {
      const { owner, ask } = setUp({}, { EIO });
      ask("POST").req.body(body);
      expect(owner.packets).toEqual(["message:good"]);
      expect(owner.closes).toHaveLength(1);
    }
  });

  test("with a close packet ends the transport, and a waiting poll with a noop", () => {
    const { owner, ask } = setUp();
    const poll = ask("GET");
    ask("POST").req.body("4last\u001e1\u001e4never");
    expect(owner.packets).toEqual(["message:last"]);
    expect(poll.res.body).toBe("6");
    expect(owner.closes.map(({ code }) => code)).toEqual(["CLIENT_CLOSED"]);
  });
});

describe("other methods", () => {
  test("are refused", () => {
    const { res } = setUp().ask("PUT");
    expect([res.status, res.headers["Allow"]]).toEqual([405, "GET, POST"]);
  });
});

describe("closing", () => {
  test("answers a waiting poll", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET");
    let isClosed = false;
    transport.close(() => (isClosed = true), closeReason("SERVER_CLOSED"));
    expect(res.body).toBe("1");
    expect(isClosed).toBe(true);
  });

  test("waits for the next poll, or for 10 seconds", () => {
    const polled = setUp();
    const calls: string[] = [];
    polled.transport.close(() => calls.push("polled"), closeReason("SERVER_CLOSED"));
    expect(calls).toEqual([]);
    expect(polled.ask("GET").res.body).toBe("1");
    expect(polled.clock.pending).toBe(0);
    const silent = setUp();
    silent.transport.close(() => calls.push("silent"), closeReason("SERVER_CLOSED"));
    silent.clock.advance(9_999);
    expect(calls).toEqual(["polled"]);
    silent.clock.advance(1);
    expect(calls).toEqual(["polled", "silent"]);
  });

  test("is cut short by a discard, which still notifies the owner", () => {
    const { transport, clock } = setUp();
    const calls: string[] = [];
    transport.close(() => calls.push("closed"), closeReason("SERVER_CLOSED"));
    transport.discard();
    expect(calls).toEqual(["closed"]);
    expect(clock.pending).toBe(0);
  });
});

describe("retiring, when another transport takes over", () => {
  test("is done at once when nothing is under way", () => {
    const { transport, ask } = setUp();
    const { res } = ask("GET");
    const calls: string[] = [];
    transport.retire(() => calls.push("done"));
    expect(res.body).toBe("6");
    expect(calls).toEqual(["done"]);
  });

  test("waits for the packets of a POST under way", () => {
    const { transport, owner, ask } = setUp();
    const { req, res } = ask("POST");
    const calls: string[] = [];
    transport.retire(() => calls.push(`done after ${owner.packets.length}`));
    expect(calls).toEqual([]);
    req.body("4a\u001e4b");
    expect(res.status).toBe(200);
    expect(calls).toEqual(["done after 2"]);
  });
});

test("a POST that never ends does not hold the other transport back for good", () => {
  const { transport, ask, clock } = setUp();
  const { req } = ask("POST");
  const calls: string[] = [];
  transport.retire(() => calls.push("done"));
  clock.advance(4_999);
  expect(calls).toEqual([]);
  clock.advance(1);
  expect(calls).toEqual(["done"]);
  expect(req.destroyed).toBe(true);
});

test("requests under way end with the transport", () => {
  const { transport, ask, clock } = setUp();
  const { req } = ask("POST");
  transport.discard();
  expect(req.destroyed).toBe(true);
  expect(clock.pending).toBe(0);
});

test("a header that HTTP does not allow ends the transport, not the process", () => {
  const { transport, owner, ask } = setUp();
  const { res } = ask("GET");
  res.writeHead = () => {
    throw new TypeError("Invalid character in header content");
  };
  transport.send([message("a")]);
  expect(res.destroyed).toBe(true);
  expect(owner.closes.map(({ code }) => code)).toEqual(["INVALID_HEADERS"]);
});

describe("JSONP", () => {
  test("answers with a script, for any index and data", () => {
    const { transport, ask } = setUp({}, { EIO: "3", j: "7);alert(1" });
    const { res } = ask("GET");
    transport.send([message('a\u2028"b')]);
    expect(res.body).toBe('___eio[71]("5:4a\\u2028\\"b");');
    expect(res.headers["Content-Type"]).toBe("text/javascript; charset=UTF-8");
  });

  test("reads forms, with their escaped line feeds", () => {
    const { owner, ask } = setUp({}, { EIO: "3", j: "0" });
    ask("POST").req.body("d=6%3A4a%5Cnb%5C%5Cn");
    expect(owner.packets).toEqual(["message:a\nb\\n"]);
  });

  test("refuses a body that is not a form", () => {
    const { owner, ask } = setUp({}, { EIO: "3", j: "0" });
    ask("POST").req.body("nothing");
    expect(owner.closes.map(({ reason }) => reason)).toEqual(["parse error"]);
  });
});

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp2, connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import express from "express";
import session from "express-session";
import helmet from "helmet";
import { afterEach, expect, test, vi } from "vitest";
import type { ServerOptions, Socket } from "@portage/server/engine";
import { startNodes, type TestNode } from "../../support/cluster/engine-nodes.ts";
import { openSession, query, send } from "../../support/cluster/raw-request.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const open: TestNode[] = [];

afterEach(() => Promise.all(open.splice(0).map((node) => node.close())));

/** The owner of a session, and a front. */
async function startPair(options: ServerOptions = {}): Promise<{ owner: TestNode; front: TestNode }> {
  const [owner, front] = (await startNodes(["AAAA", "BBBB"], options)) as [TestNode, TestNode];
  open.push(owner, front);
  return { owner, front };
}

const sessionOf = (node: TestNode, sid: string): Socket => node.engine.clients[sid] as Socket;

test("a request has the head that its front received", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  const seen: unknown[] = [];
  owner.engine.use(({ method, url, httpVersion, rawHeaders, headers, headersDistinct, socket }, res) => {
    seen.push({ method, url, httpVersion, rawHeaders, headers, headersDistinct, address: socket.remoteAddress });
    res.end();
  });
  for (const node of [owner, front]) {
    const { req, answer } = send(node, query(sid), {
      isOpen: true,
      method: "GET",
      headers: { host: "a", "X-Odd": "\u00e9" },
    });
    req.setHeader("x-twice", ["1", "2"]);
    req.setHeader("user-agent", ["first", "second"]);
    req.setHeader("cookie", ["a=b", "c=d"]);
    req.end();
    await answer;
  }
  expect(seen[0]).toMatchObject({ headers: { "x-twice": "1, 2", "user-agent": "first", cookie: "a=b; c=d" } });
  expect(seen[1]).toEqual(seen[0]);
});

test("requests with odd methods get the owner's answer, and the link stays", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  const held = send(front, query(sid));
  for (const method of ["M-SEARCH", "PROPFIND", "DELETE"]) {
    const { status, text } = await send(owner, query(sid), { method }).answer;
    expect(await send(front, query(sid), { method }).answer).toMatchObject({ status, text });
  }
  sessionOf(owner, sid).send("hello");
  expect((await held.answer).text).toBe("4hello");
});

test("ids begin with the tag of their node", async () => {
  const { owner, front } = await startPair();
  expect(await openSession(owner)).toMatch(/^AAAA[\w-]{16}$/);
  expect(await openSession(front)).toMatch(/^BBBB[\w-]{16}$/);
});

test("ids of the program that lack the tag are reported; those with it are forwarded", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const { owner, front } = await startPair();
  let id = "AAAAown";
  owner.engine.generateId = () => id;
  expect(await openSession(owner)).toBe("AAAAown");
  expect((await send(front, query(id), { body: "4hello" }).answer).text).toBe("ok");
  expect(warn).not.toHaveBeenCalled();
  for (id of ["own-1", "own-2"]) expect(await openSession(owner)).toBe(id);
  expect(warn.mock.calls).toEqual([
    [expect.stringContaining("`io.cluster.tag`"), { type: "PortageWarning", code: "ID_WITHOUT_TAG" }],
  ]);
  expect((await send(front, query(id)).answer).status).toBe(400);
  warn.mockRestore();
});

test("a forwarded answer is the one that the owner gives itself", async () => {
  const { owner, front } = await startPair({ cors: { origin: "http://page.example", credentials: true } });
  owner.engine.on("headers", (headers) => (headers["x-own"] = "1"));
  const sid = await openSession(owner);
  const headers = { origin: "http://page.example", cookie: "a=b" };
  const answers = [];
  for (const node of [owner, front]) {
    sessionOf(owner, sid).send("hello");
    const { headers: got, ...rest } = await send(node, query(sid), { headers }).answer;
    delete got.date;
    answers.push({ ...rest, got });
  }
  expect(answers[0]!.text).toBe("4hello");
  expect(answers[1]).toEqual(answers[0]);
});

test("an engine's middlewares run once, at the owner", async () => {
  const { owner, front } = await startPair();
  const runs: string[] = [];
  const events: string[] = [];
  for (const node of [owner, front]) {
    node.engine.use((req, res, next) => {
      runs.push(
        `${node.tag} ${req.method} ${req.socket.remoteAddress} ${String((req.socket as never as { encrypted: boolean }).encrypted)}`,
      );
      if (req.url!.includes("sid")) {
        for (const event of ["finish", "close"]) res.on(event, () => events.push(event));
        req.on("close", () => events.push("request closed"));
      }
      next();
    });
    node.engine.use(helmet());
    node.engine.use(session({ secret: "s", resave: false, saveUninitialized: true }));
  }
  const sid = await openSession(owner);
  runs.length = 0;
  const post = await send(front, query(sid), { body: "4hi" }).answer;
  expect(runs).toEqual(["AAAA POST 127.0.0.1 false"]);
  expect(post.text).toBe("ok");
  expect(post.headers["x-frame-options"]).toBe("SAMEORIGIN");
  expect(post.headers["set-cookie"]![0]).toMatch(/^connect\.sid=/);
  await within(
    (async () => {
      while (events.length < 3) await turn();
    })(),
    () => `events, got ${events.join()}`,
  );
  expect(new Set(events)).toEqual(new Set(["close", "finish", "request closed"]));
});

test("a middleware of an owner may answer by itself, in pieces", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  owner.engine.use((_req, res) => {
    res.statusMessage = "Teapot";
    res.setHeader("Set-Cookie", ["a=1", "b=2"]);
    res.writeHead(418, { "x-a": "1" });
    res.write("one ");
    res.write(new TextEncoder().encode("two "), () => res.end("three"));
  });
  const { status, message, headers, text } = await send(front, query(sid)).answer;
  expect([status, message, text, headers["x-a"]]).toEqual([418, "Teapot", "one two three", "1"]);
  expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
});

test("a middleware that changes the prototype of requests and responses", async () => {
  const { owner, front } = await startPair();
  const app = express();
  app.use((req, res: ServerResponse & { json?(body: unknown): void }) => {
    let length = 0;
    req.on("data", (chunk: Buffer) => (length += chunk.length));
    req.on("end", () => {
      res.statusCode = 201;
      res.json?.({ length, ip: Reflect.get(req, "ip") });
    });
  });
  const sid = await openSession(owner);
  owner.engine.use(app);
  const { status, text } = await send(front, query(sid), { body: "x".repeat(500_000) }).answer;
  expect([status, JSON.parse(text)]).toEqual([201, { length: 500_000, ip: "127.0.0.1" }]);
});

test("JSONP, compression, binary data and long bodies", async () => {
  const { owner, front } = await startPair({ maxHttpBufferSize: 3e6, allowEIO3: true });
  const { text: opened } = await send(owner, "EIO=3&transport=polling&j=0&b64=1").answer;
  const sid = /sid\\":\\"([\w-]+)/.exec(opened)![1]!;
  const jsonp = `EIO=3&transport=polling&b64=1&sid=${sid}&j=4`;
  sessionOf(owner, sid).send("a\u2028b");
  const poll = await send(front, jsonp).answer;
  expect(poll.text).toBe('___eio[0]("4:4a\\u2028b");');
  expect(poll.headers["content-type"]).toBe("text/javascript; charset=UTF-8");
  const heard = nextEvent(sessionOf(owner, sid), "message");
  const form = { "content-type": "application/x-www-form-urlencoded" };
  await send(front, jsonp, { body: "d=3:4hi", headers: form }).answer;
  expect((await heard)[0]).toBe("hi");

  const second = await openSession(owner);
  const long = "ab".repeat(1_000_000);
  sessionOf(owner, second).send(long);
  const zipped = await send(front, query(second), { headers: { "accept-encoding": "gzip" } }).answer;
  expect(zipped.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(zipped.body).toString()).toBe(`4${long}`);
  sessionOf(owner, second).send(long, { compress: false });
  const plain = await send(front, query(second)).answer;
  expect(plain.text).toBe(`4${long}`);
  const echoed = nextEvent(sessionOf(owner, second), "message");
  expect((await send(front, query(second), { body: `4${long}` }).answer).text).toBe("ok");
  expect((await echoed)[0]).toBe(long);
  const bytes = nextEvent(sessionOf(owner, second), "message");
  await send(front, query(second), { body: "bAQID" }).answer;
  expect([...((await bytes)[0] as Buffer)]).toEqual([1, 2, 3]);
});

test.each(["announced", "in pieces"])(
  "a POST that is too large, its length %s, leaves the session intact",
  async (how) => {
    const { owner, front } = await startPair({ maxHttpBufferSize: 100_000 });
    const sid = await openSession(owner);
    const body = `4${"x".repeat(2_000_000)}`;
    const isAnnounced = how === "announced";
    const post = send(front, query(sid), isAnnounced ? { body } : { isOpen: true });
    if (!isAnnounced) post.req.end(body);
    const { status, text, headers } = await post.answer;
    expect([status, JSON.parse(text)]).toEqual([413, { code: 8, message: "Payload too large", limit: 100_000 }]);
    expect(headers.connection).toBe("close");
    expect((await send(front, query(sid), { body: "4ok" }).answer).text).toBe("ok");
  },
);

test("a POST that pauses is answered with 408", async () => {
  const { owner, front } = await startPair({ postTimeout: 100, pingInterval: 200, pingTimeout: 60_000 });
  const sid = await openSession(owner);
  const closed = nextEvent(sessionOf(owner, sid), "close");
  const post = send(front, query(sid), { isOpen: true, headers: { "content-length": "10" } });
  post.req.write("4he");
  expect((await post.answer).status).toBe(408);
  expect((await closed)[0]).toBe("transport error");
  expect(sessionOf(owner, sid)).toBeUndefined();
});

test("a body in many pieces arrives whole, and no more than a window of it at once", async () => {
  const { owner, front } = await startPair({ maxHttpBufferSize: 3e6 });
  const sid = await openSession(owner);
  const heard = nextEvent(sessionOf(owner, sid), "message");
  const post = send(front, query(sid), { isOpen: true });
  post.req.write("4");
  for (let i = 0; i < 2000; i++) post.req.write(String(i).padStart(1000, "."));
  post.req.end();
  expect((await post.answer).text).toBe("ok");
  expect((await heard)[0]).toBe(Array.from({ length: 2000 }, (_, i) => String(i).padStart(1000, ".")).join(""));
});

test("preflights and unknown ids cost no frame", async () => {
  const { owner, front } = await startPair({ cors: { origin: "*" } });
  const sid = await openSession(owner);
  const [link] = front.peers.links.values();
  const preflight = await send(front, query(sid), { method: "OPTIONS", headers: { origin: "http://a.example" } })
    .answer;
  expect(preflight.status).toBe(204);
  const unknown = await send(front, query("zzzz0123456789abcdef")).answer;
  expect([unknown.status, JSON.parse(unknown.text)]).toEqual([400, { code: 1, message: "Session ID unknown" }]);
  const long = await send(front, query(`AAAA${"x".repeat(253)}`)).answer;
  expect([long.status, JSON.parse(long.text)]).toEqual([400, { code: 1, message: "Session ID unknown" }]);
  expect(link!.sent).toEqual([]);
  expect(front.relay.stats).toMatchObject({ unknownTags: 1, forwarded: 0 });
});

test("an id that its node does not know is refused by that node", async () => {
  const { owner, front } = await startPair();
  const refused = nextEvent(owner.engine, "connection_error");
  const { status, text } = await send(front, query(`AAAA${"x".repeat(16)}`)).answer;
  expect([status, JSON.parse(text)]).toEqual([400, { code: 1, message: "Session ID unknown" }]);
  expect(((await refused)[0] as { code: number }).code).toBe(1);
  expect(front.relay.stats).toMatchObject({ unknownSids: 1, pending: 0 });
  expect(owner.relay.stats).toMatchObject({ received: 1 });
});

test("a front over HTTP/2", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  const server = createHttp2();
  front.engine.attach(server as never, { path: "/socket.io" });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = (method: string, body?: string): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ":method": method, ":path": `/socket.io/?${query(sid)}` });
      let status = 0;
      let text = "";
      stream.on("response", (headers) => (status = Number(headers[":status"])));
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      stream.on("end", () => resolve([status, text]));
      stream.on("error", reject);
      stream.end(body);
    });
  const poll = ask("GET");
  const heard = nextEvent(sessionOf(owner, sid), "message");
  expect(await ask("POST", "4hello")).toEqual([200, "ok"]);
  expect((await heard)[0]).toBe("hello");
  sessionOf(owner, sid).send("back");
  expect(await poll).toEqual([200, "4back"]);
  const long = "x".repeat(900_000);
  sessionOf(owner, sid).send(long);
  expect(await ask("GET")).toEqual([200, `4${long}`]);
  const closed = nextEvent(sessionOf(owner, sid), "close");
  const held = client.request({ ":method": "GET", ":path": `/socket.io/?${query(sid)}` });
  held.on("error", () => undefined);
  while (owner.relay.stats.owned === 0) await turn();
  held.close(8);
  await closed;
  client.destroy();
  server.close();
});

test("a client that does not read stops the owner after a window", async () => {
  const { owner, front } = await startPair({ maxHttpBufferSize: 1e8 });
  const sid = await openSession(owner);
  owner.engine.use((req, res, next) => {
    if (!req.url!.includes("flood")) return next();
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    const pour = (): void => {
      while (sent < 40_000_000) {
        sent += chunk.length;
        if (!res.write(chunk)) return void res.once("drain", pour);
        sentNow = sent;
      }
      res.end();
    };
    pour();
  });
  let sentNow = 0;
  const { req, answer } = send(front, `${query(sid)}&flood=1`);
  const [res] = await nextEvent<[IncomingMessage]>(req, "response");
  res.pause();
  let before = -1;
  for (let quiet = 0; quiet < 200; quiet++) {
    await turn();
    if (sentNow !== before) quiet = 0;
    before = sentNow;
  }
  expect(sentNow).toBeLessThan(39_000_000);
  res.resume();
  expect((await answer).body.length).toBeGreaterThanOrEqual(40_000_000);
});

/** Waits until the owner has heard of the end of all exchanges. */
const untilOver = (owner: TestNode): Promise<void> =>
  within(
    (async () => {
      while (owner.relay.stats.owned > 0) await turn();
    })(),
    "the end of all exchanges",
  );

test("an informational answer of an owner's middleware is its fault, and reported there", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  const faults: unknown[] = [];
  owner.engine.on("handler_error", (error) => faults.push(error));
  let status = 103;
  owner.engine.use((_req, res, next) => {
    if (status === 0) return next();
    if (status === 103) res.writeHead(103);
    res.statusCode = status;
    res.end();
  });
  for (status of [103, 100]) {
    const { status: got, text } = await send(front, query(sid)).answer;
    expect([got, JSON.parse(text)]).toEqual([400, { code: 3, message: "Bad request" }]);
  }
  status = 0;
  expect(faults).toMatchObject([{ code: "ERR_HTTP_INVALID_STATUS_CODE" }, { code: "ERR_HTTP_INVALID_STATUS_CODE" }]);
  expect((await send(front, query(sid), { body: "4x" }).answer).text).toBe("ok");
  await untilOver(owner);
});

test("an answer with more headers than a frame has ends its exchange, and the link stays", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  owner.engine.use((_req, res) => {
    res.setHeader("x-long", "x".repeat(1_000_000));
    res.end();
  });
  await expect(send(front, query(sid)).answer).rejects.toThrow("socket hang up");
  await untilOver(owner);
  expect(front.relay.stats.pending).toBe(0);
  expect(front.peers.get("AAAA")).toBeDefined();
});

test("what HTTP/2 does not take of an owner's answer is left out, or ends its exchange", async () => {
  const { owner, front } = await startPair();
  const sid = await openSession(owner);
  const server = createHttp2();
  front.engine.attach(server as never, { path: "/socket.io" });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = (): Promise<unknown> =>
    new Promise((resolve) => {
      const stream = client.request({ ":path": `/socket.io/?${query(sid)}` });
      stream.on("response", ({ ":status": status, upgrade, "x-mine": mine }) => resolve({ status, upgrade, mine }));
      stream.on("error", (error) => resolve((error as NodeJS.ErrnoException).code));
      stream.on("close", () => resolve("closed"));
    });
  let status = 200;
  let headers: Record<string, string | string[]> = {};
  owner.engine.use((_req, res) => void res.writeHead(status, headers).end("an answer"));
  headers = { Upgrade: "h2c", "Proxy-Connection": "close", "HTTP2-Settings": "x", "X-Mine": "1" };
  expect(await ask()).toEqual({ status: 200, mine: "1" });
  headers = { "Content-Type": ["text/plain", "text/html"] };
  expect(await ask()).not.toHaveProperty("status");
  headers = {};
  status = 700;
  expect(await ask()).not.toHaveProperty("status");
  status = 404;
  expect(await ask()).toMatchObject({ status: 404 });
  await untilOver(owner);
  expect(front.relay.stats.pending).toBe(0);
  expect(front.peers.get("AAAA")).toBeDefined();
  client.destroy();
  server.close();
});

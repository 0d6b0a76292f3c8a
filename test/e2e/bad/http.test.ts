import { describe, expect, test } from "vitest";
import { call, startCall } from "../../support/raw/http.ts";
import { joinBinaryPackets3 } from "../../support/payload.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { Random } from "../../support/random.ts";
import { badInputServer, joinPolling, LIMIT } from "./server.ts";

const server = badInputServer();
const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";

describe("requests that are refused", () => {
  const refusals: [string, string, string, number, number][] = [
    ["unknown sid", "GET", `${HANDSHAKE}&sid=unknown`, 400, 1],
    ["unknown sid to post to", "POST", `${HANDSHAKE}&sid=unknown`, 400, 1],
    ["sid __proto__", "GET", `${HANDSHAKE}&sid=__proto__`, 400, 1],
    ["sid constructor", "POST", `${HANDSHAKE}&sid=constructor`, 400, 1],
    ["a very long sid", "GET", `${HANDSHAKE}&sid=${"x".repeat(8000)}`, 400, 1],
    ["method POST", "POST", HANDSHAKE, 400, 2],
    ["method DELETE", "DELETE", HANDSHAKE, 400, 2],
    ["no transport", "GET", "/socket.io/?EIO=4", 400, 0],
    ["transport unknown", "GET", "/socket.io/?EIO=4&transport=pigeon", 400, 0],
    ["transport __proto__", "GET", "/socket.io/?EIO=4&transport=__proto__", 400, 0],
    ["transport websocket without an upgrade", "GET", "/socket.io/?EIO=4&transport=websocket", 400, 3],
    ["broken escapes", "GET", "/socket.io/?EIO=4&transport=%zz%", 400, 0],
    ["parameters of the prototype", "GET", "/socket.io/?__proto__=1&constructor=2&EIO=4", 400, 0],
  ];
  test.each(refusals)("%s", async (_name, method, path, status, code) => {
    const reply = await call({ port: server.running.port, method, path });
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.text)).toMatchObject({ code });
  });

  test("two polls at once: the session ends, and the first poll reports it", async () => {
    const client = await joinPolling(server);
    const first = client.beginPoll();
    await first.arrived;
    const second = await call({ port: server.running.port, path: client.path });
    expect(second.status).toBe(400);
    expect((await first.packets).at(-1)).toMatch(/^1(1008 OVERLAPPING_POLL)?$/);
    expect((await call({ port: server.running.port, path: client.path })).status).toBe(400);
  });

  test("two posts at once: the session ends", async () => {
    const client = await joinPolling(server);
    const headers = { "content-length": "50" };
    const first = startCall({ port: server.running.port, path: client.path, method: "POST", headers, body: ["42"] });
    await first.arrived;
    const second = await call({ port: server.running.port, path: client.path, method: "POST", body: '42["x"]' });
    expect(second.status).toBe(400);
    first.abort();
    expect((await call({ port: server.running.port, path: client.path })).status).toBe(400);
  });

  test("revision 3 where it is not expected", async () => {
    const client = await joinPolling(server);
    const reply = await call({ port: server.running.port, path: client.path.replace("EIO=4", "EIO=3") });
    expect([reply.status, JSON.parse(reply.text)]).toMatchObject([400, { code: 3 }]);
  });
});

describe("bodies that are too large", () => {
  test.each([
    ["announced", `4${"x".repeat(LIMIT)}`],
    ["in pieces", ["4", "x".repeat(LIMIT), "y"]],
    ["far too large", "z".repeat(20 * LIMIT)],
  ])("%s", async (_name, body) => {
    const client = await joinPolling(server);
    const reply = await client.postBody(body).catch((error: Error) => error);
    // A server may end the connection before a client has sent everything.
    if (!(reply instanceof Error)) expect(reply.status).toBe(413);
    else expect(reply.message).toMatch(/ECONNRESET|EPIPE|socket hang up/);
  });

  test("announced and never sent", async () => {
    const client = await joinPolling(server);
    const headers = { "content-length": "1000000000" };
    const post = startCall({ port: server.running.port, path: client.path, method: "POST", headers, body: ["4x"] });
    await post.arrived;
    post.abort();
  });
});

describe("paths", () => {
  const paths = [
    "//",
    "//socket.io/",
    "/socket.io//",
    "/socket.io/../",
    "/socket.io/?",
    "/socket.io/#",
    "/socket.io/%00",
    "*",
    "http://[",
    "/socket.io/http://[::1",
  ];
  test.each([...paths, "//:0", "///", "/socket.io/??&&==&EIO=4&EIO=3", `/socket.io/?${"a=1&".repeat(3000)}`])(
    "%s",
    async (path) => {
      for (const upgrade of [false, true]) {
        const tcp = await RawTcp.open(server.running.port);
        const lines = upgrade
          ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          : "Connection: close\r\n";
        await tcp.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
        const answer = await tcp.ended();
        expect(answer).toMatch(upgrade ? /^$|^HTTP\/1\.1 4\d\d / : /^HTTP\/1\.1 4\d\d /);
      }
    },
  );
});

describe("bytes that are not HTTP", () => {
  test.each([
    ["nothing of a request", "\0\0\0\0\r\n\r\n"],
    ["a TLS hello", Buffer.from("160301020001000001fc0303", "hex")],
    ["no host", "GET /socket.io/ HTTP/1.1\r\n\r\n"],
    ["two lengths", `POST ${HANDSHAKE} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`],
    [
      "length and chunks",
      `POST ${HANDSHAKE} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "broken chunks",
      `POST ${HANDSHAKE} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n`,
    ],
  ])("%s", async (_name, bytes) => {
    const tcp = await RawTcp.open(server.running.port);
    await tcp.write(bytes);
    expect(await tcp.until(/^HTTP\/1\.1 /)).toMatch(/^HTTP\/1\.1 4\d\d /);
    tcp.end();
  });
});

describe("bodies of random bytes", () => {
  /** The answers allowed for any request; the process must survive. */
  const isAnswer = (status: number): boolean => [200, 400, 413].includes(status);

  test.each([1, 2, 3])("revision 4, seed %i", async (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 40; round++) {
      const client = await joinPolling(server);
      const { status } = await client.postBody(random.bytes(1 + random.below(60)));
      expect(isAnswer(status), `status ${status}`).toBe(true);
    }
  });

  test.each([1, 2, 3])("revision 3, text and binary, seed %i", async (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 20; round++) {
      for (const type of ["text/plain", "application/octet-stream"]) {
        const client = await joinPolling(server, 3);
        const body = random.bytes(1 + random.below(60));
        // A plausible beginning gets further into the decoder.
        if (round % 2 === 0) joinBinaryPackets3(["4x"]).copy(body);
        const { status } = await client.postBody(body, { "content-type": type });
        expect(isAnswer(status), `status ${status}`).toBe(true);
      }
    }
  });

  test.each([1, 2, 3])("packets of Socket.IO cut and mixed, seed %i", async (seed) => {
    const random = new Random(seed);
    const parts = [
      "4",
      "40",
      "41",
      "42",
      "451-",
      "46",
      "/a,",
      "12",
      "[",
      "]",
      '"x"',
      "{",
      "}",
      ":",
      ",",
      '{"_placeholder":true,"num":0}',
      "\u001e",
      "bAAAA",
      "-",
      "null",
      "1e9",
    ];
    for (let round = 0; round < 40; round++) {
      const client = await joinPolling(server);
      const body = Array.from({ length: 1 + random.below(8) }, () => random.pick(parts)).join("");
      const { status } = await client.postBody(body);
      expect(isAnswer(status), `status ${status} for ${body}`).toBe(true);
    }
  });
});

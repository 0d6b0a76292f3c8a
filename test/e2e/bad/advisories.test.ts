import { randomBytes } from "node:crypto";
import { createServer as createSecureServer } from "node:https";
import { WebSocket, WebSocketServer } from "@portage/websocket";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Bystander } from "../../support/bystander.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { ChildBystander, ChildServer } from "../../support/servers/child-server.ts";
import { Host, serve } from "../../support/servers/host.ts";
import { joinBinaryPackets3, joinPackets3 } from "../../support/payload.ts";
import { frame, OPCODE } from "../../support/raw/frames.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket, Refused, upgradeRequest } from "../../support/raw/websocket.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Public advisories for servers of this kind: each attack fails here.

const LIMIT = 1_000_000;
const MEGABYTE = 2 ** 20;

let server: ChildServer;
let bystander: ChildBystander;

beforeAll(async () => {
  server = await ChildServer.start({
    allowEIO3: true,
    maxHttpBufferSize: LIMIT,
    pingInterval: 300,
    pingTimeout: 3000,
    upgradeTimeout: 300,
    destroyUpgradeTimeout: 100,
  });
  bystander = await ChildBystander.join(server);
});
afterEach(async () => {
  server.checkAlive();
  await bystander.check();
});
afterAll(async () => {
  bystander.leave();
  await server.stop();
});

async function join(revision: 3 | 4 = 4): Promise<RawWebSocket> {
  const client = await RawWebSocket.connect({ port: server.port, revision });
  if (revision === 4) client.send("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}

async function joinPolling(): Promise<RawPolling> {
  const client = await RawPolling.open({ port: server.port });
  await client.post("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}

const typeOf = (body: string | Buffer): Record<string, string> => ({
  "content-type": typeof body === "string" ? "text/plain" : "application/octet-stream",
});

/** Returns the server's memory growth by `misuse` in bytes, while its connections are open. */
async function growth(misuse: () => Promise<() => unknown>): Promise<number> {
  const before = await server.memory();
  const leave = await misuse();
  const after = await server.memory();
  await leave();
  return after.heapUsed + after.external - before.heapUsed - before.external;
}

describe("engine.io", () => {
  test.each([
    [4, 3],
    [3, 4],
  ] as const)("GHSA-2gc4-cqfq-p2gv: a session of revision %i is not upgraded with %i", async (opened, upgraded) => {
    const client = await RawPolling.open({
      port: server.port,
      revision: opened,
      query: opened === 3 ? { b64: "1" } : {},
    });
    const candidate = RawWebSocket.connect({ port: server.port, revision: upgraded, sid: client.sid });
    await expect(candidate).rejects.toMatchObject({ status: 400 });
    // The heartbeat: there its timer was null.
    await client.until((packet) => packet === (opened === 4 ? "2" : "40"));
  });

  test.each(["application/octet-stream", "multipart/form-data", "text/html; charset=x", "", "__proto__"])(
    "CVE-2026-59725: a POST of the type %j is answered",
    async (type) => {
      const client = await joinPolling();
      const reply = await client.postBody("42[]", { "content-type": type });
      expect([200, 400]).toContain(reply.status);
    },
  );

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "GHSA-gr94-w7qr-f4j3: the session id %s is unknown",
    async (sid) => {
      await expect(RawWebSocket.connect({ port: server.port, sid })).rejects.toMatchObject({ status: 400 });
      for (const transport of ["polling", "webtransport", "__proto__"]) {
        const reply = await call({ port: server.port, path: `/socket.io/?EIO=4&transport=${transport}&sid=${sid}` });
        expect(reply.status).toBe(400);
      }
    },
  );

  test.each(["EIO=2", "EIO=", "EIO=__proto__", "EIO=3&EIO=4", "b64=1"])(
    "CVE-2023-31125, CVE-2022-21676: a handshake with %s",
    async (query) => {
      const reply = await call({ port: server.port, path: `/socket.io/?transport=polling&${query}` });
      expect([200, 400]).toContain(reply.status);
      const tcp = await RawTcp.open(server.port);
      await tcp.write(upgradeRequest({ port: server.port }).replace("EIO=4", query));
      await tcp.until(/^HTTP\/1\.1 (101|400)/);
      tcp.reset();
    },
  );

  test("CVE-2022-41940: connections that are reset at their upgrade", async () => {
    for (let count = 0; count < 20; count++) {
      const tcp = await RawTcp.open(server.port);
      await tcp.write(upgradeRequest({ port: server.port, path: count % 2 ? "/elsewhere/" : "/socket.io/" }));
      tcp.reset();
    }
  });

  test("CVE-2020-36048: a body of a hundred thousand chunks costs what its bytes cost", async () => {
    const client = await joinPolling();
    const tcp = await RawTcp.open(server.port);
    await tcp.write(`POST ${client.path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunks = `4\r\n4444\r\n${"1\r\nx\r\n".repeat(100_000)}0\r\n\r\n`;
    await within(tcp.write(chunks), "the chunks to be taken");
    expect(await tcp.until(/^HTTP\/1\.1 \d+/)).toMatch(/^HTTP\/1\.1 200/);
    tcp.end();
  });

  test("CVE-2017-16031: ids of sessions cannot be guessed", async () => {
    const ids = new Set<string>();
    for (let count = 0; count < 200; count++) ids.add((await RawPolling.open({ port: server.port })).sid);
    expect(ids.size).toBe(200);
    for (const id of ids) expect(id).toMatch(/^[\w-]{20}$/);
    // Neither beginning nor end is a counter.
    for (const part of [(id: string) => id.slice(0, 6), (id: string) => id.slice(-6)]) {
      expect(new Set([...ids].map(part)).size).toBe(200);
    }
  });
});

describe("socket.io and its parser", () => {
  test("CVE-2026-69185: a binary event that announces no attachment waits for none", async () => {
    const client = await join();
    const bytes = await growth(async () => {
      for (let count = 0; count < 50; count++) {
        client.send('450-["x"]');
        client.send(Buffer.alloc(LIMIT / 10));
      }
      // The bytes belong to nothing: the connection ends.
      await client.ended();
      return () => undefined;
    });
    expect(bytes).toBeLessThan(MEGABYTE);
  });

  test.each(["11", "1000000", "99999999999999999999", "1e9", "-1", ""])(
    "CVE-2026-33151: %s attachments are refused",
    async (count) => {
      const client = await join();
      client.send(`45${count}-["x"]`);
      await client.ended();
    },
  );

  test("CVE-2026-48804: attachments that are withheld are forgotten with their client", async () => {
    const before = await server.memory();
    for (let round = 0; round < 5; round++) {
      const client = await join();
      client.send(`4510-["x"${',{"_placeholder":true,"num":0}'.repeat(10)}]`);
      for (let count = 0; count < 9; count++) client.send(randomBytes(LIMIT / 20));
      client.send('42["too early"]');
      await client.ended();
    }
    const after = await server.memory();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(MEGABYTE);
  });

  test("CVE-2024-38355: an event named error, without anybody who listens", async () => {
    const running = await serve(portage);
    const near = await Bystander.join(running.io, running.url);
    const client = await RawWebSocket.connect({ port: running.port });
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    client.send('42["error",{"message":"x"}]');
    client.send('420["error"]');
    await near.check();
    near.leave();
    await running.stop();
  });

  test.each([
    '42{"toString":"x"}',
    '42[{"toString":"x"}]',
    '42["toString"]',
    '42["__proto__"]',
    '42["hasOwnProperty",{"hasOwnProperty":1}]',
    '42["connect"]',
    '42["disconnecting"]',
    "42null",
    "423",
    '40{"toString":1}',
    "40[]",
    '40"text"',
    '43{"length":1}',
    '430{"length":100000}',
    "44",
    "41[]",
  ])("CVE-2023-32695: %s is checked", async (packet) => {
    const client = await join();
    client.send(packet);
    client.send('42["still here?"]');
    await Promise.race([client.until((answer) => answer.includes("still here?")), client.closed]);
    client.cut();
  });

  test.each(['"splice"', '"__proto__"', "-1", "1.5", "1", '"0"', "null", "[0]"])(
    "CVE-2022-2421: the place %s of an attachment is none",
    async (place) => {
      const client = await join();
      client.send(`451-["x",{"_placeholder":true,"num":${place}}]`);
      client.send(Buffer.from("bytes"));
      await client.ended();
    },
  );

  test("CVE-2020-36049: many small parts of one packet cost what their bytes cost", async () => {
    const client = await join();
    client.send(`42["x","${"\\u0041".repeat(150_000)}"]`);
    await client.until((packet) => packet.startsWith('42["x","AAA'));
    await client.close();
  });

  test("CVE-2020-28481: without the option cors no origin is allowed", async () => {
    const headers = { origin: "http://evil.example" };
    for (const method of ["GET", "OPTIONS"]) {
      const reply = await call({ port: server.port, path: "/socket.io/?EIO=4&transport=polling", method, headers });
      expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

describe("ws", () => {
  test("CVE-2026-48779: tiny and empty fragments end the connection before they fill the memory", async () => {
    for (const payload of ["x", ""]) {
      const client = await join();
      client.sendFrame({ opcode: OPCODE.binary, payload, fin: false });
      const one = frame({ opcode: OPCODE.continuation, payload, fin: false });
      client.sendBytes(Buffer.alloc(one.length * 131_000, one));
      expect((await client.ended()).code).toBe(1008);
    }
  });

  test("8.23.0: answers to pings do not pile up before a client that does not read", async () => {
    const client = await join();
    client.stream.pause();
    const bytes = await growth(async () => {
      // A hundred a second are allowed: all at once end the connection, which is as good.
      const ping = frame({ opcode: OPCODE.ping, payload: "x".repeat(100) });
      client.sendBytes(Buffer.alloc(ping.length * 400_000, ping));
      await new Promise((resolve) => setTimeout(resolve, 200));
      return () => client.reset();
    });
    expect(bytes).toBeLessThan(2 * MEGABYTE);
  });

  test("CVE-2026-45736, CVE-2016-10518: no memory of the process is sent by close, ping and pong", async () => {
    const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await nextEvent(wss, "listening");
    const connection = nextEvent<[WebSocket]>(wss, "connection");
    const { port } = wss.address() as { port: number };
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    const [socket] = await connection;
    await nextEvent(client, "open").catch(() => undefined);
    const ping = nextEvent<[Buffer]>(client, "ping");
    socket.ping(100);
    expect((await ping)[0].toString()).toBe("100");
    const close = nextEvent<[number, Buffer]>(client, "close");
    expect(() => socket.close(1000, new Float64Array(3) as never)).toThrow(TypeError);
    socket.close(1000, new Uint8Array(3) as never);
    const [code, reason] = await close;
    expect([code, reason.toString()]).toEqual([1000, "\0\0\0"]);
    wss.close();
  });

  test("CVE-2024-37890: a handshake with more headers than are read", async () => {
    for (const count of [900, 2_100, 4_000]) {
      const many = Array.from({ length: count }, (_value, index) => `a${index}: b`).join("\r\n");
      const tcp = await RawTcp.open(server.port);
      await tcp.write(upgradeRequest({ port: server.port }).replace("\r\n", `\r\n${many}\r\n`));
      await within(Promise.race([tcp.until(/^HTTP\/1\.1 \d+/), tcp.ended()]), "an answer or the end");
      tcp.reset();
    }
  });

  test.each([
    ["Sec-WebSocket-Protocol", `a${" ".repeat(14_000)}b`],
    ["Sec-WebSocket-Protocol", `${"a,".repeat(7_000)}a`],
    ["Sec-WebSocket-Extensions", "constructor"],
    ["Sec-WebSocket-Extensions", "__proto__; toString=1"],
    ["Sec-WebSocket-Extensions", `permessage-deflate;${" ".repeat(14_000)}x`],
    ["Sec-WebSocket-Extensions", 'permessage-deflate; server_max_window_bits="\\'],
    ["Upgrade", `${" ".repeat(14_000)}websocket`],
  ])("CVE-2021-32640, CVE-2017-20162: %s is read at once (%#)", async (name, value) => {
    const opened = RawWebSocket.connect({ port: server.port, headers: { [name]: value } });
    const result = await within(
      opened.catch((error: unknown) => error as Refused),
      "an answer",
      1000,
    );
    if (result instanceof RawWebSocket) result.reset();
    else expect(result).toBeInstanceOf(Refused);
  });

  test("CVE-2016-10542: a message over the limit ends the connection before it is there", async () => {
    const client = await join();
    client.sendFrame({ opcode: OPCODE.binary, claim: LIMIT + 1 });
    expect((await client.ended()).code).toBe(1009);
  });

  test("CVE-2016-10536: a client rejects an untrusted certificate", async () => {
    const host = new Host(createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }) as never);
    await host.listen();
    const client = new WebSocket(`wss://127.0.0.1:${host.port}`);
    const [error] = await nextEvent<[Error]>(client, "error");
    expect((error as NodeJS.ErrnoException).code).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    host.http.close();
  });
});

describe("other servers", () => {
  test("CVE-2026-48802 (python-engineio): a hundred thousand pongs are cheap", async () => {
    const client = await join();
    const pong = frame({ opcode: OPCODE.text, payload: "3" });
    client.sendBytes(Buffer.alloc(pong.length * 100_000, pong));
    client.send('42["done"]');
    await Promise.race([client.until((packet) => packet === '42["done"]'), client.closed]);
    client.cut();
  });

  test("CVE-2026-48809 (python-engineio): the limit holds for bodies as well", async () => {
    const client = await joinPolling();
    const reply = await client.postBody("4".repeat(LIMIT + 1)).catch(() => undefined);
    if (reply) expect(reply.status).toBe(413);
  });

  test.each(["websocket", "WebSocket, h2c", "h2c", "", "__proto__", "websocket\u00ff"])(
    "CVE-2020-7693 (sockjs): Upgrade: %s, on any path",
    async (value) => {
      for (const path of ["/socket.io/", "/elsewhere/"]) {
        const tcp = await RawTcp.open(server.port);
        const request = upgradeRequest({ port: server.port, path, headers: { Upgrade: value } });
        await tcp.write(Buffer.from(request.replace("Sec-WebSocket-Key", "X-Key"), "latin1"));
        await Promise.race([tcp.until(/^HTTP\/1\.1 4\d\d/), tcp.ended()]);
        tcp.reset();
      }
    },
  );

  const TEXTS_3 = [
    "",
    ":",
    "1",
    "1:",
    "0:",
    "99999999999:4",
    "-1:4",
    "1e3:4",
    "2:4é",
    "5:4",
    "3:4ab4:",
    "1:9",
    "9:b4!!!!",
  ];
  const BYTES_3 = [
    "00ff34",
    "0001",
    "00",
    "01ff",
    "0000000000000000ff",
    "0009090909090909ff34",
    "02ff",
    "ffff",
    "000ff3",
  ];
  test.each([...TEXTS_3, ...BYTES_3.map((hex) => Buffer.from(hex, "hex"))])(
    "socketioxide #739 #741: the payload %j of revision 3 is read to its end, or refused",
    async (body) => {
      const client = await RawPolling.open({ port: server.port, revision: 3, query: { b64: "1" } });
      const reply = await within(client.postBody(body, typeOf(body)), "an answer");
      expect([200, 400]).toContain(reply.status);
    },
  );

  test("socketioxide #732: polling sessions that are left alone go", async () => {
    for (let count = 0; count < 50; count++) await RawPolling.open({ port: server.port });
    expect(await server.sessions()).toBeGreaterThanOrEqual(50);
    await server.settled(2);
  });

  test("socketioxide #736 #737: a poll that waited is answered in the form of its client", async () => {
    for (const [query, isText] of [
      [{ b64: "1" }, true],
      [{}, false],
    ] as const) {
      const client = await RawPolling.open({ port: server.port, revision: 3, query });
      const poll = client.beginPoll();
      const packets = ['451-["x",{"_placeholder":true,"num":0}]', Buffer.from("bytes")];
      const body = isText ? joinPackets3(packets) : joinBinaryPackets3(packets);
      await client.postBody(body, typeOf(body));
      const got = [...(await poll.packets)];
      while (got.length < 2 || !got.some((packet) => packet.startsWith("451-"))) got.push(...(await client.poll()));
      const reply = await poll.reply;
      expect(reply.headers["content-type"]).toMatch(/text\/plain|octet-stream/);
    }
  });
});

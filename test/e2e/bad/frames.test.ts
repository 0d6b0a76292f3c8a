import { describe, expect, test } from "vitest";
import { closeBody, frame, OPCODE, type FrameSpec } from "../../support/raw/frames.ts";
import { RawWebSocket, Refused, upgradeRequest } from "../../support/raw/websocket.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { Random } from "../../support/random.ts";
import { badInputServer, joinWebSocket, LIMIT } from "./server.ts";

const server = badInputServer();
const { text, binary, continuation, close, ping, pong } = OPCODE;

describe("frames that break RFC 6455", () => {
  const wrong: [string, number, FrameSpec[]][] = [
    ["no mask", 1002, [{ opcode: text, payload: "4x", masked: false }]],
    ["reserved bit 1 without an extension", 1002, [{ opcode: text, payload: "4x", reserved: 4 }]],
    ["reserved bit 2", 1002, [{ opcode: text, payload: "4x", reserved: 2 }]],
    ["reserved bit 3", 1002, [{ opcode: text, payload: "4x", reserved: 1 }]],
    ["opcode 3", 1002, [{ opcode: 3 }]],
    ["opcode 11", 1002, [{ opcode: 11 }]],
    ["opcode 15", 1002, [{ opcode: 15 }]],
    ["a ping in fragments", 1002, [{ opcode: ping, fin: false }]],
    ["a ping of 126 bytes", 1002, [{ opcode: ping, payload: "x".repeat(126) }]],
    ["a pong of 70,000 bytes", 1002, [{ opcode: pong, payload: "x".repeat(70_000) }]],
    ["a continuation of nothing", 1002, [{ opcode: continuation, payload: "4x" }]],
    [
      "a second message inside the first",
      1002,
      [
        { opcode: text, fin: false, payload: "4x" },
        { opcode: text, payload: "4y" },
      ],
    ],
    ["text that is not UTF-8", 1007, [{ opcode: text, payload: Buffer.from([0x34, 0xc3, 0x28]) }]],
    ["half a character at the end", 1007, [{ opcode: text, payload: Buffer.from([0x34, 0xe2, 0x82]) }]],
    ["an encoded surrogate", 1007, [{ opcode: text, payload: Buffer.from([0x34, 0xed, 0xa0, 0x80]) }]],
    ["a close body of one byte", 1002, [{ opcode: close, payload: "x" }]],
    ["close code 0", 1002, [{ opcode: close, payload: closeBody(0) }]],
    ["close code 1005", 1002, [{ opcode: close, payload: closeBody(1005) }]],
    ["close code 1006", 1002, [{ opcode: close, payload: closeBody(1006) }]],
    ["close code 1015", 1002, [{ opcode: close, payload: closeBody(1015) }]],
    ["close code 2999", 1002, [{ opcode: close, payload: closeBody(2999) }]],
    ["close code 5000", 1002, [{ opcode: close, payload: closeBody(5000) }]],
    ["a close reason that is not UTF-8", 1007, [{ opcode: close, payload: Buffer.from([3, 0xe8, 0xff]) }]],
    ["a close frame of 126 bytes", 1002, [{ opcode: close, payload: closeBody(1000, "x".repeat(124)) }]],
    ["a length over the limit", 1009, [{ opcode: text, payload: "4x", claim: LIMIT + 1 }]],
    ["a length of 2^40", 1009, [{ opcode: binary, claim: 2n ** 40n }]],
    ["a length of 2^62", 1009, [{ opcode: binary, claim: 2n ** 62n }]],
    [
      "fragments over the limit",
      1009,
      [
        { opcode: binary, fin: false, payload: Buffer.alloc(LIMIT / 2) },
        { opcode: continuation, fin: false, payload: Buffer.alloc(LIMIT / 2) },
        { opcode: continuation, payload: Buffer.alloc(1) },
      ],
    ],
  ];
  test.each(wrong)("%s: %i", async (_name, code, frames) => {
    const client = await joinWebSocket(server);
    for (const spec of frames) client.sendFrame(spec);
    expect((await client.ended()).code).toBe(code);
  });

  test("a length with its highest bit set", async () => {
    const client = await joinWebSocket(server);
    client.sendFrame({ opcode: binary, claim: 2n ** 63n });
    expect([1002, 1009]).toContain((await client.ended()).code);
  });

  test.each([1, 2, 3])("random bytes, seed %i", async (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 25; round++) {
      const client = await joinWebSocket(server);
      client.sendBytes(random.bytes(2 + random.below(200)));
      // The server must not wait forever, however it reads the bytes: the client gives up.
      client.stream.end();
      await client.ended();
    }
  });
});

describe("messages that are not packets", () => {
  const packets: (string | Buffer)[] = [
    "",
    "x",
    "9",
    "2",
    "3probe",
    "5",
    "0{}",
    "4",
    "42",
    "42{",
    "49",
    "4999",
    "40/",
    "451-[]",
    "4999999999999999999-[]",
    '42["a"',
    '450-["a"]',
    Buffer.alloc(0),
    Buffer.from("stray"),
    '42["__proto__",{"__proto__":{"x":1}}]',
    "43[1]",
    "431e30[1]",
    "43Infinity[1]",
    '421 2["a"]',
    '42-1["a"]',
    '4299999999999999999999["a"]',
  ];
  test.each(packets)("%j", async (packet) => {
    const client = await joinWebSocket(server);
    client.send(packet);
    client.send('42["still here?"]');
    // Ignored or closed, but never silence.
    const answer = client
      .until((message) => message.includes("still here?"))
      .then(
        () => "here",
        () => "closed",
      );
    expect(await Promise.race([answer, client.closed.then(() => "closed")])).toMatch(/here|closed/);
    client.cut();
  });

  test("attachments that do not come, or come too early", async () => {
    for (const packetsInTurn of [
      ['451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
      [Buffer.from("early")],
      ['451-["a",{"_placeholder":true,"num":5}]', Buffer.from("x")],
    ]) {
      const client = await joinWebSocket(server);
      for (const packet of packetsInTurn) client.send(packet);
      await client.ended();
    }
  });

  test.each([1, 2])("random packets of revision 3, seed %i", async (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 25; round++) {
      const client = await joinWebSocket(server, 3);
      client.send(
        random.below(2) === 0 ? random.bytes(random.below(20)) : random.bytes(random.below(20)).toString("latin1"),
      );
      client.stream.end();
      await client.ended();
    }
  });
});

describe("splitting and joining", () => {
  test("a message byte by byte", async () => {
    const client = await joinWebSocket(server);
    for (const byte of frame({ opcode: text, payload: '42["drip","é€😀"]' })) client.sendBytes(Buffer.from([byte]));
    expect(await client.next()).toBe('42["drip","é€😀"]');
    await client.close();
  });

  test("a message in fragments, with a ping between them", async () => {
    const client = await joinWebSocket(server);
    const bytes = Buffer.from('42["parts","é€😀"]');
    for (let at = 0; at < bytes.length; at++) {
      client.sendFrame({
        opcode: at === 0 ? text : continuation,
        fin: at === bytes.length - 1,
        payload: bytes.subarray(at, at + 1),
      });
      if (at === 5) client.sendFrame({ opcode: ping, payload: "between" });
    }
    expect(await client.next()).toBe('42["parts","é€😀"]');
    expect(client.frames.find((received) => received.opcode === pong)?.payload.toString()).toBe("between");
    await client.close();
  });

  test("many frames in one write, and lengths in a longer form than needed", async () => {
    const client = await joinWebSocket(server);
    const frames = Array.from({ length: 500 }, (_value, index) =>
      frame({ opcode: text, payload: `42["n",${index}]`, lengthBytes: index % 2 === 0 ? 2 : 8 }),
    );
    const limit = frame({ opcode: text, payload: '42["end"]' });
    client.sendBytes(Buffer.concat([...frames, limit]));
    const answers: string[] = [];
    for (
      let answer = await Promise.race([client.next(), client.closed]);
      typeof answer === "string";
      answer = await Promise.race([client.next(), client.closed])
    ) {
      if (answer === '42["end"]') break;
      answers.push(answer);
    }
    // RFC 6455, 5.2 asks for the shortest form; a server may refuse others, but must not misread them.
    expect(answers).toEqual(Array.from({ length: answers.length }, (_value, index) => `42["n",${index}]`));
    client.cut();
  });

  test("frames in the same segment as the request", async () => {
    const early = frame({ opcode: text, payload: "40" });
    const client = await RawWebSocket.connect({ port: server.running.port, early });
    await client.until((packet) => packet.startsWith("40"));
    await client.close();
  });

  test("garbage in the same segment as the request", async () => {
    const client = await RawWebSocket.connect({ port: server.running.port, early: Buffer.from("ffffffffffff", "hex") });
    await client.ended();
  });
});

describe("handshakes that are refused", () => {
  const headers: [string, Record<string, string>, RegExp][] = [
    ["version 12", { "Sec-WebSocket-Version": "12" }, /^HTTP\/1\.1 4(00|26) [\s\S]*Sec-WebSocket-Version: 13/i],
    ["no version", { "Sec-WebSocket-Version": "" }, /^HTTP\/1\.1 4(00|26) /],
    ["no key", { "Sec-WebSocket-Key": "" }, /^HTTP\/1\.1 400 /],
    ["a short key", { "Sec-WebSocket-Key": "abc" }, /^HTTP\/1\.1 400 /],
  ];
  test.each(headers)("%s", async (_name, wrong, expected) => {
    const tcp = await RawTcp.open(server.running.port);
    await tcp.write(upgradeRequest({ port: server.running.port, headers: wrong }));
    expect(await tcp.ended()).toMatch(expected);
  });

  test("another protocol to upgrade to, which makes it a common request", async () => {
    const tcp = await RawTcp.open(server.running.port);
    await tcp.write(upgradeRequest({ port: server.running.port, headers: { Upgrade: "h2c" } }));
    await tcp.until(/^HTTP\/1\.1 400 [^]*"code":3/);
    tcp.end();
  });

  test("a method other than GET", async () => {
    const tcp = await RawTcp.open(server.running.port);
    await tcp.write(upgradeRequest({ port: server.running.port }).replace("GET", "POST"));
    expect(await tcp.ended()).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test("an unknown session", async () => {
    const refusal = await RawWebSocket.connect({ port: server.running.port, sid: "unknown" }).catch(
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refused);
    expect((refusal as Refused).status).toBe(400);
  });
});

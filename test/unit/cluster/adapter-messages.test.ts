import { describe, expect, test } from "vitest";
import {
  addressOf,
  decodeMessage,
  encodeMessage,
  type OutgoingMessage,
  toWire,
} from "../../../packages/cluster/src/adapter/messages.ts";
import { Assembler, split } from "../../../packages/cluster/src/adapter/pieces.ts";
import { encodeFrame, decodeFrame } from "../../../packages/cluster/src/core/frames.ts";
import { Random } from "../../support/random.ts";
import { settle } from "../socketio/peer.ts";
import { trio } from "./adapter-cluster-bench.ts";

const opts = toWire({ rooms: new Set(["r1", "r2"]), except: new Set(["x"]), flags: { volatile: true, conflate: "k" } });

/** A message of each kind. */
const MESSAGES: readonly OutgoingMessage[] = [
  { kind: "BROADCAST", nsp: "/", head: { opts }, parts: ['2["x"]'] },
  { kind: "BROADCAST", nsp: "/", head: { opts }, parts: ['51-["x",{"_placeholder":true,"num":0}]', Buffer.from("b")] },
  { kind: "ASK", nsp: "/", request: 1, head: { opts, ms: 100 }, parts: ['2["x"]'] },
  { kind: "ASK", nsp: "/", request: 2, head: { opts, ms: null }, parts: ['2["x"]'] },
  { kind: "JOIN", nsp: "/", head: { opts, targets: ["r3"] } },
  { kind: "LEAVE", nsp: "/", head: { opts, targets: ["r3"] } },
  { kind: "DISCONNECT", nsp: "/", head: { opts, close: false } },
  { kind: "FETCH", nsp: "/", request: 3, head: { opts } },
  { kind: "EMIT", nsp: "/", head: {}, parts: ['2["values","hello",1]'] },
  { kind: "QUESTION", nsp: "/", request: 4, head: {}, parts: ['2["values","hello",1]'] },
  { kind: "CLIENTS", nsp: "/", request: 5, head: { clients: 3 } },
  { kind: "ACK", nsp: "/", request: 5, head: {}, parts: ['2["values",1]'] },
  { kind: "SOCKETS", nsp: "/", request: 6, head: {}, parts: ['2["values",{"id":"s","rooms":[],"handshake":{}}]'] },
  { kind: "ANSWER", nsp: "/", request: 7, head: {}, parts: ['2["values",1]'] },
  { kind: "ABSENT", nsp: "/", request: 8, head: {} },
  { kind: "FAILED", nsp: "/ü", request: 0xffff_ffff, head: {} },
];

const sizeInBytes = (message: OutgoingMessage): Buffer => Buffer.concat(encodeMessage(message));

/** Decodes a message; a string is its fault. */
function decode(bytes: Buffer): unknown {
  const address = addressOf(bytes);
  return address === undefined ? "it has no address" : decodeMessage(address, bytes);
}

describe("a message", () => {
  test.each(MESSAGES)("$kind arrives as it was sent", (message) => {
    const { kind, request = 0, head, parts = [] } = message;
    const address = addressOf(sizeInBytes(message));
    expect(address).toMatchObject({ kind, request, nsp: message.nsp });
    expect(decode(sizeInBytes(message))).toEqual({ kind, request, head: JSON.parse(JSON.stringify(head)), parts });
  });

  test.each(MESSAGES)("$kind that is cut anywhere is malformed, or lacks its last parts", (message) => {
    const bytes = sizeInBytes(message);
    for (let length = 0; length < bytes.length; length++) {
      const cut = decode(bytes.subarray(0, length));
      if (typeof cut !== "string")
        expect((cut as { parts: unknown[] }).parts.length).toBeLessThan(message.parts?.length ?? 0);
    }
  });

  test.each([
    [{ kind: "BROADCAST", nsp: "/", head: {} }, "its opts is invalid (BROADCAST)"],
    [{ kind: "BROADCAST", nsp: "/", head: { opts: { ...opts, rooms: "r" } } }, "its opts is invalid (BROADCAST)"],
    [{ kind: "FETCH", nsp: "/", head: { opts: { ...opts, except: [{}] } } }, "its opts is invalid (FETCH)"],
    [{ kind: "FETCH", nsp: "/", head: { opts: { ...opts, flags: { ifSlow: "x" } } } }, "its opts is invalid (FETCH)"],
    [{ kind: "FETCH", nsp: "/", head: { opts: { ...opts, flags: { conflate: {} } } } }, "its opts is invalid (FETCH)"],
    [{ kind: "ASK", nsp: "/", head: { opts, ms: "1" } }, "its ms is invalid (ASK)"],
    [{ kind: "JOIN", nsp: "/", head: { opts } }, "its targets is invalid (JOIN)"],
    [{ kind: "DISCONNECT", nsp: "/", head: { opts } }, "its close is invalid (DISCONNECT)"],
    [{ kind: "CLIENTS", nsp: "/", head: { clients: -1 } }, "its clients is invalid (CLIENTS)"],
    [{ kind: "EMIT", nsp: "/", head: [] }, "its head is not an object"],
  ])("%j is refused", (message, fault) => expect(decode(sizeInBytes(message as never))).toBe(fault));
});

describe("the pieces of a message", () => {
  const frames = (bytes: Buffer): Buffer[] =>
    split([bytes], bytes.length).map((body) => decodeFrame(encodeFrame("MESSAGE", 0, ...body))!.body);

  test.each([0, 1, 1_048_575, 1_048_576, 2_500_000])("of %i bytes are joined", (size) => {
    const bytes = Buffer.alloc(size, "abc");
    const assembler = new Assembler(64e6);
    for (let round = 0; round < 2; round++) {
      const bodies = frames(bytes);
      const last = bodies.pop()!;
      for (const body of bodies) expect(assembler.take(body)).toBeUndefined();
      expect((assembler.take(last) as Buffer).equals(bytes)).toBe(true);
    }
  });

  const first = (bytes: number, size: number): Buffer => {
    const body = Buffer.alloc(5 + size);
    body[0] = 1;
    body.writeUInt32BE(bytes, 1);
    return body;
  };

  test.each([
    ["an empty body", [Buffer.alloc(0)]],
    ["an unknown step", [Buffer.of(3, 1)]],
    ["a next piece without a first one", [Buffer.of(2, 1)]],
    ["a first piece without a length", [Buffer.of(1, 0)]],
    ["a first piece that is the whole message", [first(10, 10)]],
    ["a first piece that is longer than the message", [first(10, 11)]],
    ["a message that is too long", [first(1001, 10)]],
    ["a whole message inside another one", [first(100, 10), Buffer.of(0, 1)]],
    ["an empty next piece", [first(100, 10), Buffer.of(2)]],
    ["a next piece that is too long", [first(12, 10), Buffer.of(2, 1, 1, 1)]],
  ])("%s is malformed", (_what, bodies) => {
    const assembler = new Assembler(1000);
    expect(bodies.map((body) => assembler.take(body)).at(-1)).toBe("malformed");
  });
});

describe("a node that gets nonsense", () => {
  test("reports it, answers that it failed, and lives on", async () => {
    const { one, two, mesh, heard } = await trio();
    const link = mesh.link("bbbb", "aaaa")!;
    const say = (bytes: Buffer): void => two.bus.onFrame(link, { type: "MESSAGE", stream: 0, body: bytes });
    const bad = { kind: "BROADCAST", nsp: "/", head: { opts } } as const;
    for (const text of ['0{"sid":1}', '2/other,["x"]', '51-["x"]', '2{"x":1}', "1", "", '2["x"', "2[]"]) {
      say(Buffer.concat([Buffer.of(0), sizeInBytes({ ...bad, parts: [text] })]));
    }
    say(Buffer.concat([Buffer.of(0), sizeInBytes({ ...bad, parts: [] })]));
    say(Buffer.concat([Buffer.of(0), Buffer.from("nonsense")]));
    say(
      Buffer.concat([
        Buffer.of(0),
        sizeInBytes({ kind: "EMIT", nsp: "/", head: {}, parts: ['2["values","connection"]'] }),
      ]),
    );
    await settle();
    const codes = two.failures.map((error) => (error as { code: string }).code);
    expect(new Set(codes)).toEqual(new Set(["CLUSTER_MESSAGE_INVALID"]));
    const question = { kind: "QUESTION", nsp: "/", request: 1, head: {}, parts: ["nonsense"] } as const;
    say(Buffer.concat([Buffer.of(0), sizeInBytes(question)]));
    expect(addressOf(link.sent.at(-1)!.subarray(6))).toMatchObject({ kind: "FAILED", request: 1 });
    one.io.emit("alive");
    expect((await heard()).map((messages) => messages.at(-1))).toEqual(Array(3).fill('2["alive"]'));
  });

  test("fails a link whose pieces do not fit together", async () => {
    const { two, mesh } = await trio();
    two.bus.onFrame(mesh.link("bbbb", "aaaa")!, { type: "MESSAGE", stream: 0, body: Buffer.of(2, 1) });
    expect(mesh.failures).toEqual([expect.stringMatching(/malformed/)]);
    expect(two.bus.nodes()).toEqual(["cccc"]);
  });

  test("survives messages with random changes", async () => {
    const random = new Random(20_001);
    const { two, mesh, three, heard } = await trio();
    for (let round = 0; round < 3000; round++) {
      const message = MESSAGES[random.below(MESSAGES.length)]!;
      const bytes = Buffer.concat([Buffer.of(0), sizeInBytes(message)]);
      for (let i = random.below(3); i >= 0; i--) bytes[1 + random.below(bytes.length - 1)] = random.below(256);
      two.bus.onFrame(mesh.link("bbbb", "aaaa")!, { type: "MESSAGE", stream: 0, body: bytes });
      if (round % 100 === 0) await settle();
    }
    await settle();
    const codes = new Set(two.failures.map((error) => (error as { code?: string }).code));
    expect(codes).toContain("CLUSTER_MESSAGE_INVALID");
    expect(mesh.failures).toEqual([]);
    await heard();
    three.io.emit("alive");
    const [a, , c] = await heard();
    expect([a, c]).toEqual([['2["alive"]'], ['2["alive"]']]);
  });
});

import { createRequire } from "node:module";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decoder, Encoder, type Packet } from "@portage/parser";
import { decodePayloadV3, encodePayloadV3, EnginePacket, type RawData } from "@portage/parser/engine-v3";
import { anyText, expectSame, received, runs } from "./reference.ts";

/** The parsers of the real client 2.x: Engine.IO revision 3, Socket.IO protocol 4. */
interface OldSocketParser {
  Encoder: new () => { encode(packet: object, callback: (chunks: unknown) => void): void };
  Decoder: new () => { on(event: "decoded", listener: (packet: Packet) => void): void; add(chunk: unknown): void };
}
interface OldEngineParser {
  encodePayload(packets: readonly object[], supportsBinary: boolean, callback: (encoded: unknown) => void): void;
  decodePayload(data: unknown, binaryType: string, callback: (packet: EnginePacket) => void): void;
}

const fromTest = createRequire(import.meta.url);
const fromClient = createRequire(fromTest.resolve("socket.io-client-2"));
const fromEngineClient = createRequire(fromClient.resolve("engine.io-client"));
const oldSocket = fromClient("socket.io-parser") as OldSocketParser;
const oldEngine = fromEngineClient("engine.io-parser") as OldEngineParser;

const bytes = Buffer.from([1, 2, 3]);

describe("Socket.IO protocol 4", () => {
  test.each<[string, Packet, number]>([
    ["connect", { type: 0, nsp: "/" }, 0],
    ["connect to a namespace with a query", { type: 0, nsp: "/chat?token=x" }, 0],
    ["disconnect", { type: 1, nsp: "/chat" }, 1],
    ["event", { type: 2, nsp: "/", data: ["hello", { a: 1 }] }, 2],
    ["event that asks for an acknowledgement", { type: 2, nsp: "/chat", id: 7, data: ["hello"] }, 2],
    ["acknowledgement", { type: 3, nsp: "/", id: 7, data: ["ok"] }, 3],
    ["error", { type: 4, nsp: "/chat", data: "Not authorized" }, 4],
    ["binary event", { type: 5, nsp: "/chat", id: 1, data: ["up", { file: bytes }, bytes] }, 2],
    ["binary acknowledgement", { type: 6, nsp: "/", id: 1, data: [bytes] }, 3],
  ])("%s: both sides write and read the same", (_name, packet, type) => {
    const theirs = received((done) => new oldSocket.Encoder().encode({ ...packet }, done)) as Array<string | Buffer>;
    expect(new Encoder().encode(packet)).toStrictEqual(theirs);
    const decoder = new Decoder();
    const decoded = theirs.map((chunk) => decoder.decode(chunk)).at(-1);
    expect(decoded).toMatchObject({ ...packet, type });
    const seen: Packet[] = [];
    const oldDecoder = new oldSocket.Decoder();
    oldDecoder.on("decoded", (read) => seen.push(read));
    for (const chunk of new Encoder().encode(packet)) oldDecoder.add(chunk);
    expect(seen[0]).toMatchObject(packet);
  });
});

describe("Engine.IO revision 3", () => {
  test("each side reads the payloads of the other", () => {
    const data = fc.oneof(
      anyText(1),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)),
    );
    const packets = fc.array(
      data.map((content) => new EnginePacket("message", content)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(packets, fc.boolean(), (sent, supportsBinary) => {
        const ours = encodePayloadV3(sent, supportsBinary);
        const theirs = received((done) => oldEngine.encodePayload(sent, supportsBinary, done)) as RawData;
        const read: EnginePacket[] = [];
        oldEngine.decodePayload(ours, "nodebuffer", ({ type, data: content }) => {
          read.push(new EnginePacket(type, content));
        });
        expectSame(read, sent);
        expectSame(decodePayloadV3(theirs), sent);
      }),
      runs(200),
    );
  });
});

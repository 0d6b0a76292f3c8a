import * as portageParser from "@portage/parser";
import * as portageEngineParser from "@portage/parser/engine";
import * as referenceEngineParser from "engine.io-parser";
import * as referenceParser from "socket.io-parser";
import { kindOf } from "../support/outcomes.ts";

/** The parsers of one implementation, through the typings of the reference. */
export interface Parsers {
  readonly packets: typeof referenceParser;
  readonly frames: typeof referenceEngineParser;
}

export const PARSERS: Readonly<Record<"reference" | "portage", Parsers>> = {
  reference: { packets: referenceParser, frames: referenceEngineParser },
  portage: { packets: portageParser as unknown as Parsers["packets"], frames: portageEngineParser },
};

interface Bench extends Parsers {
  readonly odd: never;
  readonly seen: string[];
}

const encode = ({ packets }: Bench, packet: unknown): unknown => new packets.Encoder().encode(packet as never);

function decode({ packets, seen }: Bench, chunks: readonly unknown[], options?: never): void {
  const decoder = new packets.Decoder(options);
  decoder.on("decoded", (packet) => seen.push(JSON.stringify(packet)));
  for (const chunk of chunks) decoder.add(chunk);
}

const isValid = ({ packets }: Bench, packet: unknown): unknown => packets.isPacketValid(packet as never);

export const PARSER_CALLS: Readonly<Record<string, (bench: Bench) => unknown>> = {
  "new Encoder(odd)": ({ packets, odd }) =>
    new packets.Encoder(odd).encode({ type: packets.PacketType.EVENT, nsp: "/", data: ["a", 1] }),
  "encode(odd)": (bench) => encode(bench, bench.odd),
  "encode({ type: odd })": (bench) => encode(bench, { type: bench.odd, nsp: "/", data: ["a"] }),
  "encode({ nsp: odd })": (bench) => encode(bench, { type: 2, nsp: bench.odd, data: ["a"] }),
  "encode({ id: odd })": (bench) => encode(bench, { type: 2, nsp: "/", data: ["a"], id: bench.odd }),
  "encode({ data: odd })": (bench) => encode(bench, { type: 2, nsp: "/", data: bench.odd }),
  "encode({ data: [name, odd] })": (bench) => encode(bench, { type: 2, nsp: "/", data: ["e", bench.odd] }),
  "encode({ data: [name, bytes, odd] })": (bench) =>
    encode(bench, { type: 2, nsp: "/", data: ["e", Buffer.from("1"), bench.odd] }),
  "encode(CONNECT, odd)": (bench) => encode(bench, { type: 0, nsp: "/", data: bench.odd }),
  "encode(CONNECT_ERROR, odd)": (bench) => encode(bench, { type: 4, nsp: "/", data: bench.odd }),
  "new Decoder(odd)": (bench) => decode(bench, ['2["a"]'], bench.odd),
  "new Decoder({ maxAttachments: odd })": (bench) =>
    decode(bench, ['51-["a",{"_placeholder":true,"num":0}]', Buffer.from("x")], { maxAttachments: bench.odd } as never),
  "new Decoder({ reviver: odd })": (bench) => decode(bench, ['2["a"]'], { reviver: bench.odd } as never),
  "decoder.add(odd)": (bench) => decode(bench, [bench.odd]),
  "decoder.add(odd) for an attachment": (bench) => decode(bench, ['51-["a",{"_placeholder":true,"num":0}]', bench.odd]),
  "decoder.off(odd)": ({ packets, seen, odd }) => {
    const decoder = new packets.Decoder();
    decoder.on("decoded", () => seen.push("decoded"));
    decoder.off(odd);
    decoder.add('2["a"]');
  },
  "decoder.off(name, odd)": ({ packets, seen, odd }) => {
    const decoder = new packets.Decoder();
    decoder.on("decoded", () => seen.push("decoded"));
    decoder.off("decoded", odd);
    decoder.add('2["a"]');
  },
  "isPacketValid({ type: odd })": (bench) => isValid(bench, { type: bench.odd, nsp: "/", data: ["a"] }),
  "isPacketValid({ nsp: odd })": (bench) => isValid(bench, { type: 2, nsp: bench.odd, data: ["a"] }),
  "isPacketValid({ id: odd })": (bench) => isValid(bench, { type: 2, nsp: "/", data: ["a"], id: bench.odd }),
  "isPacketValid({ data: odd })": (bench) => isValid(bench, { type: 2, nsp: "/", data: bench.odd }),
  "isPacketValid({ data: [odd] })": (bench) => isValid(bench, { type: 2, nsp: "/", data: [bench.odd] }),
  "isPacketValid(CONNECT, odd)": (bench) => isValid(bench, { type: 0, nsp: "/", data: bench.odd }),
  "isPacketValid(DISCONNECT, odd)": (bench) => isValid(bench, { type: 1, nsp: "/", data: bench.odd }),
  "isPacketValid(CONNECT_ERROR, odd)": (bench) => isValid(bench, { type: 4, nsp: "/", data: bench.odd }),
  "encodePacket({ type: odd })": ({ frames, seen, odd }) =>
    frames.encodePacket({ type: odd, data: "a" }, true, (encoded) => void seen.push(kindOf(encoded))),
  "encodePacket({ data: odd })": ({ frames, seen, odd }) =>
    frames.encodePacket({ type: "message", data: odd }, true, (encoded) => void seen.push(kindOf(encoded))),
  "encodePacket(packet, odd)": ({ frames, seen, odd }) =>
    frames.encodePacket({ type: "message", data: Buffer.from("a") }, odd, (encoded) => void seen.push(kindOf(encoded))),
  "encodePacket(packet, true, odd)": ({ frames, odd }) =>
    frames.encodePacket({ type: "message", data: "a" }, true, odd),
  "decodePacket(odd)": ({ frames, odd }) => JSON.stringify(frames.decodePacket(odd)),
  "decodePacket(bytes, odd)": ({ frames, odd }) => kindOf(frames.decodePacket(Buffer.from("a"), odd).data),
  "encodePayload(odd)": ({ frames, seen, odd }) => frames.encodePayload(odd, (encoded) => void seen.push(encoded)),
  "encodePayload([odd])": ({ frames, seen, odd }) => frames.encodePayload([odd], (encoded) => void seen.push(encoded)),
  "encodePayload([packet], odd)": ({ frames, odd }) => frames.encodePayload([{ type: "ping" }], odd),
  "decodePayload(odd)": ({ frames, odd }) => JSON.stringify(frames.decodePayload(odd)),
};

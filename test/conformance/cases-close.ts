import { closeBody, OPCODE } from "../support/raw/frames.ts";
import type { ConformanceCase } from "./case.ts";
import { Unexpected } from "./wire.ts";

const { text, continuation, ping, close } = OPCODE;
const NORMAL = closeBody(1000);

/** A close frame that must be answered with one of `codes`. */
function closing(id: string, what: string, payload: Buffer, ...codes: (number | undefined)[]): ConformanceCase {
  return {
    id,
    what,
    async run(wire) {
      wire.send({ opcode: close, payload });
      await wire.expectClose(...codes);
    },
  };
}

const order: ConformanceCase[] = [
  {
    id: "7.1.1",
    what: "a text, then a close frame",
    async run(wire) {
      wire.send({ opcode: text, payload: "Hello World!" }, { opcode: close, payload: NORMAL });
      await wire.expectMessage(text, "Hello World!");
      await wire.expectClose(1000);
    },
  },
  {
    id: "7.1.2",
    what: "two close frames",
    async run(wire) {
      wire.send({ opcode: close, payload: NORMAL }, { opcode: close, payload: NORMAL });
      await wire.expectClose(1000);
    },
  },
  {
    id: "7.1.3",
    what: "a ping behind the close frame",
    async run(wire) {
      wire.send({ opcode: close, payload: NORMAL }, { opcode: ping });
      await wire.expectClose(1000);
    },
  },
  {
    id: "7.1.4",
    what: "a text behind the close frame",
    async run(wire) {
      wire.send({ opcode: close, payload: NORMAL }, { opcode: text, payload: "late" });
      await wire.expectClose(1000);
    },
  },
  {
    id: "7.1.5",
    what: "a close frame inside a fragmented text",
    async run(wire) {
      wire.send(
        { opcode: text, payload: "fragment1", fin: false },
        { opcode: close, payload: NORMAL },
        { opcode: continuation, payload: "fragment2" },
      );
      await wire.expectClose(1000);
    },
  },
  {
    id: "7.1.6",
    what: "256 KiB, a text, a close frame, a ping",
    async run(wire) {
      const large = Buffer.alloc(256 * 1024, "B");
      wire.send({ opcode: text, payload: large }, { opcode: text, payload: "Hello World!" });
      wire.send({ opcode: close, payload: NORMAL }, { opcode: ping });
      await wire.expectMessage(text, large);
      await wire.expectMessage(text, "Hello World!");
      await wire.expectClose(1000);
    },
  },
];

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

export const closeCases: readonly ConformanceCase[] = [
  ...order,
  closing("7.3.1", "an empty close frame", Buffer.alloc(0), undefined, 1000),
  closing("7.3.2", "a close frame of one byte", Buffer.from("a"), 1002),
  closing("7.3.3", "a close code alone", NORMAL, 1000),
  closing("7.3.4", "a close code and a reason", closeBody(1000, "Hello World!"), 1000),
  closing("7.3.5", "the longest reason", closeBody(1000, "*".repeat(123)), 1000),
  closing("7.3.6", "a reason that is too long", closeBody(1000, "*".repeat(124)), 1002),
  closing(
    "7.5.1",
    "a reason that is not UTF-8",
    Buffer.from("03e8cebae1bdb9cf83cebcceb5eda080656469746564", "hex"),
    1007,
  ),
  ...VALID_CODES.map((code, at) => closing(`7.7.${at + 1}`, `close code ${code}`, closeBody(code), code)),
  ...INVALID_CODES.map((code, at) => closing(`7.9.${at + 1}`, `close code ${code}`, closeBody(code), 1002)),
  ...[5000, 65_535].map((code, at): ConformanceCase => ({
    id: `7.13.${at + 1}`,
    what: `close code ${code}, about which RFC 6455 says nothing`,
    async run(wire) {
      wire.send({ opcode: close, payload: closeBody(code) });
      const answer = await wire.next();
      if (answer !== undefined && answer.opcode !== close) throw new Unexpected("neither a close frame nor the end");
      await wire.expectEnd();
      return answer === undefined ? "no close frame" : `answered with ${answer.payload.readUInt16BE(0)}`;
    },
  })),
];

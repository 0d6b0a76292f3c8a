import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { ParserError, type ParserErrorCode } from "@portage/parser";

const require = createRequire(import.meta.url);

/** The reference's parser of revision 3, which its package does not export. */
export interface ReferenceV3 {
  encodePacket(packet: object, supportsBinary: boolean, utf8encode: boolean, callback: (e: unknown) => void): void;
  decodePacket(encoded: unknown, binaryType?: unknown, utf8decode?: boolean): { type: string; data?: unknown };
  encodePayload(packets: object[], supportsBinary: boolean, callback: (encoded: unknown) => void): void;
  decodePayload(data: unknown, callback: (...args: never[]) => unknown): void;
  encodePayloadAsBinary(packets: object[], callback: (encoded: unknown) => void): void;
  encodeBase64Packet(packet: object, callback: (encoded: unknown) => void): void;
  packets: Record<string, number>;
  protocol: number;
}
export const referenceV3 = require(
  join(dirname(require.resolve("engine.io")), "parser-v3", "index.js"),
) as unknown as ReferenceV3;

/** Runs code that must throw, and returns the error. */
export function refused(run: () => unknown): ParserError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ParserError);
    return error as ParserError;
  }
  throw new Error("accepted");
}

/** The code of the error. */
export const refusal = (run: () => unknown): ParserErrorCode => refused(run).code;

/** The arguments of a callback that is called synchronously. */
export function received(run: (callback: (value: unknown) => void) => void): unknown {
  const values: unknown[] = [];
  run((value) => values.push(value));
  expect(values).toHaveLength(1);
  return values[0];
}

/** Like `toStrictEqual`, but fast with buffers: the slow one only explains a difference. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

/** A fixed seed: the same cases in each run. Another seed searches elsewhere. */
export const runs = (numRuns: number): { numRuns: number; seed: number } => ({
  numRuns,
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
});

const codePoint = fc.oneof(
  fc.nat(0x7f),
  fc.nat(0x7ff),
  fc.nat(0xd7ff),
  fc.integer({ min: 0xe000, max: 0xffff }),
  fc.integer({ min: 0x10000, max: 0x10ffff }),
);

/** Random text without lone surrogates; each UTF-8 length is equally likely. */
export const anyText = (minLength = 0): fc.Arbitrary<string> =>
  fc.string({ unit: codePoint.map((code) => String.fromCodePoint(code)), minLength, maxLength: 12 });

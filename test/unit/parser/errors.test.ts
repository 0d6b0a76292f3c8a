import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ParserError, SOCKET_PARSER_ERRORS } from "@portage/parser";
import { ENGINE_PARSER_ERRORS, ParserError as EngineParserError } from "@portage/parser/engine";

describe("parser errors", () => {
  test("all entries export one class", () => {
    expect(EngineParserError).toBe(ParserError);
    const error = new ParserError("SOCKET_UNKNOWN_PACKET_TYPE", "9");
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "ParserError", code: "SOCKET_UNKNOWN_PACKET_TYPE" });
    expect(error.message).toBe("unknown packet type 9");
    expect(String(error)).toBe("ParserError: unknown packet type 9");
  });

  test("each code has a layer and a message", () => {
    for (const [code, message] of Object.entries(ENGINE_PARSER_ERRORS)) {
      expect(code).toMatch(/^ENGINE_[A-Z0-9_]+$/);
      expect(message).not.toBe("");
    }
    for (const [code, message] of Object.entries(SOCKET_PARSER_ERRORS)) {
      expect(code).toMatch(/^SOCKET_[A-Z0-9_]+$/);
      expect(message).not.toBe("");
    }
  });

  test("the README lists each code with its message", () => {
    const readme = readFileSync(new URL("../../../packages/parser/README.md", import.meta.url), "utf8");
    const rows = new Map(
      Array.from(readme.matchAll(/^\| `([A-Z0-9_]+)` +\| (.*?) +\|/gm), ([, code, text]) => [code, text]),
    );
    expect(Object.fromEntries(rows)).toStrictEqual({ ...ENGINE_PARSER_ERRORS, ...SOCKET_PARSER_ERRORS });
  });
});

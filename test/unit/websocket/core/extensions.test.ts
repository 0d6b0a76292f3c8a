import { describe, expect, it } from "vitest";
import { isToken, parseExtensions } from "../../../../packages/websocket/src/core/handshake/extensions.ts";

/** The contents of a header, one line per extension. */
function read(header: string): string[] | undefined {
  return parseExtensions(header)?.map(({ name, parameters }) =>
    [name, ...parameters.map((parameter) => `${parameter.name}=${parameter.value ?? "-"}`)].join(" "),
  );
}

describe("parseExtensions", () => {
  it.each([
    ["foo", ["foo"]],
    ["foo, bar", ["foo", "bar"]],
    ["foo;a", ["foo a=-"]],
    ["foo; a=1; b", ["foo a=1 b=-"]],
    ['foo; a="1"', ["foo a=1"]],
    ['foo; a="\\1\\2"', ["foo a=12"]],
    ["foo; a; a=2", ["foo a=- a=2"]],
    ["  foo ;\ta = 1 ,bar;b ", ["foo a=1", "bar b=-"]],
    ["foo,, ,bar,", ["foo", "bar"]],
    ["", []],
    [" , ", []],
    ["x-webkit-deflate-frame, permessage-deflate; client_max_window_bits", undefined],
    ["__proto__; constructor=toString", ["__proto__ constructor=toString"]],
  ])("reads %j", (header, extensions) => {
    const expected = extensions ?? ["x-webkit-deflate-frame", "permessage-deflate client_max_window_bits=-"];
    expect(read(header)).toEqual(expected);
  });

  it.each([
    "foo bar",
    ";",
    "; foo",
    "foo;",
    "foo;;a",
    "foo; a=",
    "foo; a==1",
    "foo; a=1 2",
    "foo=1",
    "foo,;a",
    'foo; a="',
    'foo; a=""',
    'foo; a="1',
    'foo; a="1 2"',
    'foo; a="1,2"',
    'foo; a="\\"',
    'foo; "a"',
    "f\u00e9",
    "foo/1",
    "foo\0",
    "foo; a=1\r\nbar",
  ])("refuses %j (RFC 6455, 9.1)", (header) => {
    expect(parseExtensions(header)).toBeUndefined();
  });

  it.each([
    ["spaces", " ".repeat(100_000)],
    ["commas", ",".repeat(100_000)],
    ["a name that never ends", `${"a".repeat(100_000)}\u00e9`],
    ["spaces behind a name", `a${" ".repeat(100_000)}b`],
    ["an open quote", `a; b="${"\\c".repeat(50_000)}`],
    ["parameters", "a" + "; b=c".repeat(20_000)],
  ])("reads 100 KB of %s in linear time", (_what, header) => {
    const start = performance.now();
    parseExtensions(header);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe("isToken", () => {
  it.each(["a", "A-1.b", "!#$%&'*+-.^_`|~"])("accepts %j", (text) => expect(isToken(text)).toBe(true));
  it.each(["", " ", "a b", "a,b", "a/b", '"a"', "é", "a\n"])("refuses %j", (text) => expect(isToken(text)).toBe(false));
});

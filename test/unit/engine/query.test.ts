import { parse } from "node:querystring";
import { expect, test } from "vitest";
import { parseQuery } from "../../../packages/server/src/engine/http/query.ts";

test.each([
  "",
  "EIO=4&transport=polling&t=Oabc&sid=abcdefghijklmnopqrst",
  "a&b=&=c&&d=1=2",
  "__proto__=1&constructor=2&hasOwnProperty=3",
  "a=%20b+c&d=%zz",
])("%j has the same names and values as with Node's parser", (text) => {
  const query = parseQuery(text);
  expect(Object.entries(query)).toEqual(Object.entries(parse(text)));
  expect(Object.getPrototypeOf(query)).toBe(null);
});

test("the last value of a repeated name wins", () => {
  expect({ ...parseQuery("a=1&b=2&a=3") }).toEqual({ a: "3", b: "2" });
});

test("an object for one query has nothing of another one", () => {
  parseQuery("a=1");
  expect(Object.keys(parseQuery("b=2"))).toEqual(["b"]);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ADVICE } from "../../../packages/server/src/doctor/advice.ts";
import { CODES, type Code } from "../../../packages/server/src/doctor/codes.ts";
import { finding } from "../../../packages/server/src/doctor/finding.ts";

const codes = Object.keys(CODES) as Code[];

test("facts are put into sentences and advice", () => {
  const { sentence, advice } = finding("PATH_ELSEWHERE", { path: "/a/", status: 404, found: "/b/" });
  expect(sentence).toContain("at /a/ (status 404)");
  expect(advice[0]).toEqual({ where: "client", what: 'io(url, { path: "/b/" })' });
});

test("findings worse than a note come with advice", () => {
  const severe = codes.filter((code) => CODES[code].level === "limit" || CODES[code].level === "fail");
  expect(severe.filter((code) => !ADVICE[code]?.length)).toEqual([]);
});

test("failures break a way to connect, and nothing else does", () => {
  for (const code of codes) expect([code, CODES[code].level === "fail"]).toEqual([code, !!CODES[code].breaks?.length]);
});

test("docs/doctor.md has every code", () => {
  const page = readFileSync(new URL("../../../docs/doctor.md", import.meta.url), "utf8");
  expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

import { expect, test } from "vitest";
import { parseCommand, USAGE } from "../../../packages/server/src/doctor/arguments.ts";

test.each([["--help"], ["-h"], ["--help", "example.org"]])("%s %s asks for help", (...args) => {
  expect(parseCommand(args)).toEqual({ name: "help" });
});

test.each([
  [["example.org"], "http://example.org", {}],
  [["https://example.org/shop?a=b"], "https://example.org/shop?a=b", {}],
  [
    ["x", "--path", "/live/", "--origin", "https://app.example/"],
    "http://x",
    { path: "/live/", origin: "https://app.example" },
  ],
  [["x", "--header", "Cookie: a=b", "--header", "X-A:1"], "http://x", { headers: { Cookie: "a=b", "X-A": "1" } }],
  [["--timeout", "2.5", "--idle", "60", "x"], "http://x", { timeout: 2500, hold: 60_000 }],
  [["x", "--idle", "60", "--quick"], "http://x", { hold: 0 }],
] as const)("%j examines %s with %j", (args, url, options) => {
  expect(parseCommand(args)).toEqual({ name: "diagnose", url, isJson: false, options });
});

test("--json is for machines", () => {
  expect(parseCommand(["--json", "x"])).toMatchObject({ isJson: true });
});

test.each([
  [[], /one URL/],
  [["a", "b"], /one URL/],
  [["x", "--unknown"], /--unknown/],
  [["x", "--header", "no colon"], /"Name: value", not "no colon"/],
  [["x", "--header", ": no name"], /"Name: value"/],
  [["x", "--timeout", "soon"], /--timeout takes seconds, not soon/],
  [["x", "--idle="], /--idle takes seconds/],
  [["x", "--idle", "86401"], /--idle takes seconds/],
  [["x", "--timeout=-1"], /--timeout takes seconds/],
] as const)("%j is refused", (args, message) => {
  expect(parseCommand(args)).toEqual({ name: "wrong", message: expect.stringMatching(message) as string });
});

test("the usage names every option", () => {
  for (const name of ["path", "origin", "header", "timeout", "idle", "quick", "json", "help"]) {
    expect(USAGE).toContain(`--${name}`);
  }
});

import { expect, test } from "vitest";

const { withoutComments } = (await import(new URL("../../../scripts/lean.mjs", import.meta.url).href)) as {
  readonly withoutComments: (text: string) => string;
};

test("lines of comments alone are emptied, and all others stay where they are", () => {
  const text = ["#!/usr/bin/env node", "// one", "const a = 1; // two", "  /* three", "   four */", "a();"].join("\n");
  const lean = ["#!/usr/bin/env node", "", "const a = 1; // two", "", "", "a();"].join("\n");
  expect(withoutComments(text)).toBe(lean);
  expect(withoutComments(`${text}\n\`x\`;`)).toBe(`${lean}\n\`x\`;`);
});

test("licenses and the names of maps stay", () => {
  const text = "/*! MIT */\n`x`;\n//# sourceMappingURL=a.js.map";
  expect(withoutComments(text)).toBe(text);
});

test("lines of a template literal stay, although they begin like a comment", () => {
  const text = "const page = `\n  // one ${\n  // two\n  a}\n  /* three */\n`;";
  expect(withoutComments(text)).toBe("const page = `\n  // one ${\n\n  a}\n  /* three */\n`;");
});

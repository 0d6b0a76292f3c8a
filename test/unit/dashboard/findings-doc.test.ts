import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FINDINGS } from "../../../packages/server/src/dashboard/findings/advice.ts";

const PAGE = readFileSync(new URL("../../../docs/live-page.md", import.meta.url), "utf8").replace(/ +/g, " ");

test.each(Object.entries(FINDINGS))("the page about the live page has %s, and what to do", (code, { advice }) => {
  const row = PAGE.split("\n").find((line) => line.startsWith(`| \`${code}\` |`));
  expect(row).toContain(`| ${advice} |`);
});

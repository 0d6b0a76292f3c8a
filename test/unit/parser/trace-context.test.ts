import { expect, test } from "vitest";
import { isTraceparent } from "../../../packages/parser/src/engine/trace-context.ts";

const IDS = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

test.each([
  `00-${IDS}-01`,
  `00-${IDS}-00`,
  `cc-${IDS}-01`,
  `cc-${IDS}-01-what-is-new`,
  `01-${IDS}-01-${"x".repeat(456)}`,
])("%s is a trace context", (text) => expect(isTraceparent(text)).toBe(true));

test.each([
  undefined,
  1,
  "",
  "12",
  "12?",
  `00-${IDS}`,
  `00-${IDS}-01-more`,
  `00-${IDS}-011`,
  `cc-${IDS}-01more`,
  `ff-${IDS}-01`,
  `00-${IDS.toUpperCase()}-01`,
  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
  `01-${IDS}-01-${"x".repeat(457)}`,
  `00-${IDS}-01\n`,
])("%j is not", (text) => expect(isTraceparent(text)).toBe(false));

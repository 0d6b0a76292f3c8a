import { expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatRate,
  formatShare,
  formatSpan,
  formatValue,
  plural,
} from "../../../packages/server/dashboard-page/src/format.ts";

it.each([
  [formatCount, 0, "0"],
  [formatCount, 3.14, "3.14"],
  [formatCount, 1_204.4, "1,204"],
  [formatCount, 999_499, "999,499"],
  [formatCount, 999_500, "1 M"],
  [formatCount, 2_410_000, "2.41 M"],
  [formatBytes, 812, "812 B"],
  [formatBytes, 999.7, "1 kB"],
  [formatBytes, 4_230, "4.23 kB"],
  [formatBytes, 999_600, "1 MB"],
  [formatBytes, 241e6, "241 MB"],
  [formatMilliseconds, 0, "0 ms"],
  [formatMilliseconds, 0.04, "< 0.1 ms"],
  [formatMilliseconds, 12.44, "12.4 ms"],
  [formatMilliseconds, 2_100, "2.1 s"],
  [formatMilliseconds, 210_000, "3.5 min"],
  [formatRate, 0.26, "0.3/s"],
  [formatRate, 81_300, "81,300/s"],
  [formatShare, 0.0004, "< 0.1%"],
  [formatShare, 0.046, "4.6%"],
  [formatShare, 0.81, "81%"],
])("%o writes %d as %s", (format, value, text) => {
  expect(format(value)).toBe(text);
});

it("writes spans in their two largest units, or in one", () => {
  expect(formatSpan(400)).toBe("0 s");
  expect(formatSpan(48_900)).toBe("48 s");
  expect(formatSpan(7_500_000)).toBe("2 h 5 min");
  expect(formatSpan(7_200_000)).toBe("2 h");
  expect(formatSpan(93_784_000)).toBe("1 d 2 h");
  expect(formatSpan(93_784_000, 1)).toBe("1 d");
});

it("writes a dash for what is not known", () => {
  expect(formatValue(null, "ms")).toBe("–");
  expect(formatValue(Number.NaN, "bytes")).toBe("–");
  expect(formatValue(1_500, "byteRate")).toBe("1.5 kB/s");
});

it("counts nouns", () => {
  expect(plural(1, "client")).toBe("1 client");
  expect(plural(1_204, "client")).toBe("1,204 clients");
});

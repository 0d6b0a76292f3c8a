import { expect, test } from "vitest";
import type { Diagnosis } from "../../../packages/server/src/doctor/diagnose.ts";
import { finding } from "../../../packages/server/src/doctor/finding.ts";
import { report } from "../../../packages/server/src/doctor/report.ts";

const steps = (...findings: Diagnosis["steps"][number]["findings"]): Diagnosis["steps"] => [
  { name: "step", title: "A step", findings },
];
const SERVER = { url: "http://example.org/", path: "/socket.io/" };

test("a working step has a line", () => {
  const ok = finding("WEBSOCKET_OK", { ms: 5, compression: "" });
  const text = report({ ...SERVER, verdict: "fine", works: ["polling", "websocket"], steps: steps(ok) });
  expect(text.split("\n")).toEqual([
    "http://example.org/, path /socket.io/",
    "",
    "ok   a WebSocket opens in 5 ms and carries messages",
    "",
    "All is well: clients connect over polling and over WebSocket.",
  ]);
});

test("a failing step has its code, and below it the fix", () => {
  const fault = finding("WEBSOCKET_OFF");
  const text = report({ ...SERVER, verdict: "limited", works: ["polling"], steps: steps(fault) });
  expect(text).toContain(`FAIL ${fault.sentence} [WEBSOCKET_OFF]\n`);
  expect(fault.advice).not.toHaveLength(0);
  for (const { where, what } of fault.advice) expect(text).toContain(`       ${where}: ${what}`);
  expect(text).toMatch(/Clients can connect, with limitations\.\nPolling works, WebSocket does not\.$/);
});

test.each([
  [["websocket"], "limited", /only clients with transports: \["websocket"\] connect\.$/],
  [[], "unreachable", /\n\nClients cannot connect\.$/],
] as const)("with %j the conclusion says so", (works, verdict, ending) => {
  expect(report({ ...SERVER, verdict, works, steps: [] })).toMatch(ending);
});

import { expect, test } from "vitest";
import { readReset, resetBody, TUNNEL_TABLE } from "../../../packages/cluster/src/core/tunnel-table.ts";

test("each signal does this in each phase", () => {
  const walked = Object.fromEntries(
    Object.entries(TUNNEL_TABLE).map(([phase, cells]) => [
      phase,
      Object.entries(cells).map(([signal, [next, action]]) => `${signal}: ${action}, ${next}`),
    ]),
  );
  expect(walked).toEqual({
    open: [
      "ended: send FIN, sent",
      "closed: send RESET, over",
      "FIN: end, received",
      "RESET: cut, over",
      "lost: cut, over",
    ],
    sent: ["ended: ignore, sent", "closed: send RESET, over", "FIN: end, over", "RESET: cut, over", "lost: cut, over"],
    received: [
      "ended: send FIN, over",
      "closed: send RESET, over",
      "FIN: fail, received",
      "RESET: cut when sent, over",
      "lost: cut when sent, over",
    ],
    over: [
      "ended: ignore, over",
      "closed: ignore, over",
      "FIN: ignore, over",
      "RESET: ignore, over",
      "lost: ignore, over",
    ],
  });
});

test("every phase reaches its end, by each way to end", () => {
  for (const cells of Object.values(TUNNEL_TABLE)) {
    for (const signal of ["closed", "RESET", "lost"] as const) expect(cells[signal][0]).toBe("over");
  }
  expect(TUNNEL_TABLE[TUNNEL_TABLE.open.ended[0]].FIN[0]).toBe("over");
  expect(TUNNEL_TABLE[TUNNEL_TABLE.open.FIN[0]].ended[0]).toBe("over");
});

test("codes of RESET", () => {
  for (const code of ["closed", "broken"] as const) expect(readReset(resetBody(code))).toBe(code);
  for (const body of [Buffer.alloc(0), Buffer.from([9]), Buffer.from([9, 9])]) expect(readReset(body)).toBe("broken");
});

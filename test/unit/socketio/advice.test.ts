import { expect, test } from "vitest";
import { HANDLER_KINDS } from "../../../packages/server/src/base/handler-errors.ts";
import { REFUSALS } from "../../../packages/server/src/engine/report/refusals.ts";
import { UPGRADE_FAILURES } from "../../../packages/server/src/engine/report/stats.ts";
import { adviceFor, type ProblemKind } from "../../../packages/server/src/socketio/report/advice.ts";
import { ALL_CLOSE_CODES, DISCONNECT_CODES } from "../../../packages/server/src/socketio/report/close-codes.ts";
import { ALL_LIMIT_CODES, RECOVERY_LIMITS } from "../../../packages/server/src/socketio/report/limit-codes.ts";
import { CLUSTER_CODES, CONNECT_CODES } from "../../../packages/server/src/socketio/host/server-tally.ts";

const CODES: Record<ProblemKind, readonly string[]> = {
  end: [...Object.keys(ALL_CLOSE_CODES), ...Object.keys(DISCONNECT_CODES)],
  refusal: [...Object.keys(REFUSALS), ...CONNECT_CODES],
  limit: Object.keys(ALL_LIMIT_CODES),
  upgrade: Object.keys(UPGRADE_FAILURES),
  handler: Object.keys(HANDLER_KINDS),
  cluster: [...CLUSTER_CODES],
  recovery: ["RECOVERY_SESSION_UNKNOWN", ...Object.keys(RECOVERY_LIMITS)],
};

test.each(Object.entries(CODES))("each code has a sentence, and says what to do: %s", (kind, codes) => {
  for (const code of codes) {
    const { sentence, advice } = adviceFor(kind as ProblemKind, code);
    expect([sentence, advice], code).not.toContain("");
    expect(sentence).not.toBe(code);
  }
});

test("a refusal is described for the operator, not as for the client", () => {
  expect(adviceFor("refusal", "UNKNOWN_SID").sentence).toBe(REFUSALS.UNKNOWN_SID.hint);
});

test("an unknown code is its own sentence", () => {
  expect(adviceFor("end", "constructor")).toEqual({ sentence: "constructor", advice: "" });
});

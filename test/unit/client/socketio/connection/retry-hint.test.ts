import { expect, test } from "vitest";
import { retryHint } from "../../../../../packages/client/src/socketio/connection/reconnection.ts";

test.each([
  [{ context: { code: 1013, reason: "overloaded retry-after=2000" } }, 2000],
  [{ context: { code: 1012, reason: "retry-after=0" } }, 0],
  [{ context: { status: 503, responseText: '{"code":"OVERLOADED","message":"full","retryAfter":1500}' } }, 1500],
  [{ context: { status: 503, responseText: '{ "retryAfter": 1500 }' } }, 1500],
  [{ context: { code: 1013, reason: "retry-after=99999999999999" } }, 3_600_000],
  [{ context: { code: 1006, reason: "" } }, 0],
  [{ context: { status: 503, responseText: '{"retryAfter":"soon"}' } }, 0],
  [{ context: { status: 503, responseText: '{"retryAfter":-5}' } }, 0],
  [{ context: undefined }, 0],
  [new Error("timeout"), 0],
  [undefined, 0],
])("%o: %i ms", (failure, ms) => expect(retryHint((failure as { context?: object } | undefined)?.context)).toBe(ms));

import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { kCarry } from "../../../packages/server/src/engine/keys.ts";
import { moveClient } from "../../../packages/server/src/engine/relay/move.ts";
import { webSocketClose } from "../../../packages/server/src/engine/report/close-codes.ts";

const RETRY_AFTER = 1500;

function sessionOn(transport: object, carry?: object) {
  const closed: [boolean, string, string][] = [];
  return {
    closed,
    transport,
    [kCarry]: carry,
    close(discard: boolean, why: Parameters<typeof webSocketClose>[0]): void {
      closed.push([discard, why.code, webSocketClose(why)[1]]);
    },
  };
}

const stream = () => new PassThrough();
const CASES = {
  "a session on our link": (own: PassThrough) => sessionOn({ stream: own }),
  "a session on another library's WebSocket": (own: PassThrough) => sessionOn({ socket: { _socket: own } }),
};

for (const [what, make] of Object.entries(CASES)) {
  test(`${what} is closed with a delay, and its queue is sent`, () => {
    const own = stream();
    const session = make(own);
    moveClient(session, own, RETRY_AFTER);
    expect(session.closed).toEqual([[false, "SERVER_DRAINING", "SERVER_DRAINING retry-after=1500"]]);
    expect(own.destroyed).toBe(false);
  });
}

test.each([
  ["a session that its client can return to", (own: PassThrough) => sessionOn({ stream: own }, {})],
  ["a session that is still on polling", () => sessionOn({})],
  ["a session on another WebSocket", () => sessionOn({ stream: stream() })],
  ["an unknown session", () => undefined],
])("%s stays, and the WebSocket is cut", (_what, make) => {
  const own = stream();
  const session = make(own);
  moveClient(session, own, RETRY_AFTER);
  expect(session?.closed ?? []).toEqual([]);
  expect(own.destroyed).toBe(true);
});

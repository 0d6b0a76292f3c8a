import { describe, expect, test } from "vitest";
import { kTransportOwner } from "../../../packages/server/src/engine/keys.ts";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import {
  POLLING_LIFE,
  type PollingPhase,
  type PollingSignal,
} from "../../../packages/server/src/engine/transports/polling-life.ts";
import { PollingTransport } from "../../../packages/server/src/engine/transports/polling.ts";
import { exchange, limits, Recorder } from "./fake-http.ts";

type Asked = ReturnType<typeof exchange>;

function setUp() {
  const rules = limits();
  const transport = new PollingTransport(exchange("GET").http.req, rules);
  const owner = new Recorder();
  transport[kTransportOwner] = owner;
  const ask = (method: "GET" | "POST"): Asked => {
    const made = exchange(method);
    transport.onRequest(made.http);
    return made;
  };
  return { transport, owner, ask, clock: rules.clock, done: [] as string[], post: undefined as Asked | undefined };
}

type Stage = ReturnType<typeof setUp>;

/** Moves a transport into each phase by actions of its owner. */
const REACH: Record<PollingPhase, (stage: Stage) => void> = {
  open() {},
  closing: ({ transport, done }) => transport.close(() => done.push("closed"), closeReason("SERVER_CLOSED")),
  moved({ transport, done, ask }) {
    ask("GET");
    transport.close(() => done.push("moved"), closeReason("SERVER_DRAINING"));
  },
  retiring(stage) {
    stage.post = stage.ask("POST");
    stage.transport.retire(() => stage.done.push("retired"));
  },
  closed: ({ transport }) => transport.discard(),
};

/** Sends each signal. Returns the answer to a poll. */
const HAPPEN: Record<PollingSignal, (stage: Stage) => unknown> = {
  polled: ({ ask }) => ask("GET").res.body,
  posted: (stage) => (stage.post ?? stage.ask("POST")).req.body("4a"),
  timeout: ({ clock }) => clock.advance(60_000),
};

const AFTER: Record<PollingPhase, string[]> = {
  open: [],
  closing: ["closed"],
  moved: ["moved"],
  retiring: ["retired"],
  closed: [],
};

describe.each(Object.keys(POLLING_LIFE) as PollingPhase[])("long-polling that is %s", (phase) => {
  test.each(Object.keys(POLLING_LIFE.open) as PollingSignal[])("%s: as in the table", (signal) => {
    const stage = setUp();
    REACH[phase](stage);
    const { transport, owner, clock, done } = stage;
    const before = { state: transport.readyState, drains: owner.drains, closes: owner.closes.length };
    const body = HAPPEN[signal](stage);
    const action = POLLING_LIFE[phase][signal];
    const isOver = action === "end" || action === "send close";
    expect(transport.readyState).toBe(isOver ? "closed" : before.state);
    expect(done).toEqual(isOver ? AFTER[phase] : []);
    if (action === "drain") expect(owner.drains).toBe(before.drains + 1);
    if (action.endsWith("close") && signal === "polled") expect(body).toBe("1");
    if (phase !== "retiring") expect(owner.closes).toHaveLength(before.closes);
    if (isOver) expect(clock.pending).toBe(0);
  });
});

test("a transport that fails while it retires counts as retired", () => {
  const stage = setUp();
  REACH.retiring(stage);
  stage.ask("POST");
  expect(stage.owner.closes.map(({ code }) => code)).toEqual(["OVERLAPPING_POST"]);
  expect(stage.done).toEqual(["retired"]);
});

import { describe, expect, test } from "vitest";
import {
  LINK_STEPS,
  type LinkAction,
  type LinkSignal,
  type LinkState,
  stepLink,
} from "../../../packages/cluster/src/core/link-state.ts";

const STATES = Object.keys(LINK_STEPS) as LinkState[];
const steps = STATES.flatMap((state) =>
  (Object.keys(LINK_STEPS[state]) as LinkSignal[]).map((signal) => {
    const [next, actions] = stepLink(state, signal);
    return { state, signal, next, actions, name: `${state}, ${signal}` };
  }),
);

const REPORTS: readonly LinkAction[] = ["reportCut", "reportGone", "reportSilent", "reportFailed"];

describe("the table of a link", () => {
  test("a link opens with adopt, and with it alone", () => {
    for (const { state, next, actions, name } of steps) {
      const opens = state !== "open" && next === "open";
      expect(actions.includes("adopt"), name).toBe(opens);
    }
  });

  test("the end of a link is reported once, before another opens", () => {
    for (const { state, next, actions, name } of steps) {
      const reports = actions.filter((action) => REPORTS.includes(action)).length;
      // A link that broke is pending in `checking`; other ends are known at once.
      const isPending = state === "checking" && next !== "checking";
      const isKnown = state === "open" && next !== "open" && next !== "checking";
      expect(reports, name).toBe(isPending || isKnown ? 1 : 0);
      const report = actions.findIndex((action) => REPORTS.includes(action));
      if (actions.includes("adopt") && reports > 0) expect(report, name).toBeLessThan(actions.indexOf("adopt"));
    }
  });

  test("a peer without an attempt has a timer for the next one", () => {
    for (const { next, actions, name } of steps.filter((step) => step.next === "resting")) {
      expect(next === "resting" && (actions.includes("rest") || actions.includes("restLong")), name).toBe(true);
    }
  });

  test("an attempt under way is given up when the peer's is used", () => {
    for (const { state, signal, actions, name } of steps) {
      const mayDial = state === "dialling" || state === "checking";
      const isPeers = signal === "preferred" || signal === "offered";
      if (mayDial && isPeers && actions.includes("adopt")) expect(actions[0], name).toBe("abort");
    }
  });

  test("a node that is gone is forgotten", () => {
    for (const { next, actions, name } of steps) {
      expect(actions.includes("bury") || actions.includes("part"), name).toBe(next === "gone");
    }
  });

  test("a node that is gone stays so", () => {
    const signals = new Set(steps.map(({ signal }) => signal));
    for (const signal of signals) expect(stepLink("gone", signal)).toEqual(["gone", []]);
  });
});

/** One of two nodes that dial each other. `attempt`: how far its attempt has come. */
interface Side {
  readonly state: LinkState;
  /** The attempt: `asked`, its proof is on the way; `won` or `lost`, so is the answer; `left`, it was given up after `asked`. */
  readonly attempt: "none" | "greeting" | "greeted" | "asked" | "won" | "lost" | "left";
  /** Who dialled the open link. */
  readonly link: "own" | "peer" | "none";
  /** Whether the timer for the next attempt runs. */
  readonly rests: boolean;
}

type World = readonly [lower: Side, higher: Side];

const START: Side = { state: "resting", attempt: "none", link: "none", rests: false };

/** Applies a signal to one side. */
function apply(side: Side, signal: LinkSignal): Side {
  const [state, actions] = stepLink(side.state, signal);
  const next = { ...side, state };
  for (const action of actions) {
    if (action === "dial") Object.assign(next, { attempt: "greeting", rests: false });
    else if (action === "abort")
      Object.assign(next, { attempt: next.attempt === "asked" ? "left" : "none", rests: false });
    else if (action === "rest") Object.assign(next, { attempt: "none", rests: true });
    else if (action === "adopt") {
      if (next.link !== "none") throw new Error("a second link opens");
      const own = signal === "connected";
      Object.assign(next, { link: own ? "own" : "peer", rests: false, ...(own && { attempt: "none" }) });
    }
  }
  return next;
}

/** All worlds that may follow. */
function follow(world: World): World[] {
  const worlds: World[] = [];
  for (const index of [0, 1] as const) {
    const self = world[index];
    const peer = world[1 - index] as Side;
    const put = (own: Side, other: Side): unknown => worlds.push(index === 0 ? [own, other] : [other, own]);
    if (self.state === "resting" && (self.rests || self.attempt === "none")) {
      put(apply(self, self.rests ? "due" : "found"), peer);
    }
    if (self.attempt === "greeting") put({ ...self, attempt: "greeted" }, peer);
    if (self.attempt === "greeted") put({ ...apply(self, "answered"), attempt: "asked" }, peer);
    if (self.attempt === "asked") {
      const signal = index === 0 ? "preferred" : "offered";
      const admitted = stepLink(peer.state, signal)[1].includes("adopt");
      put({ ...self, attempt: admitted ? "won" : "lost" }, apply(peer, signal));
    }
    if (self.attempt === "left") {
      const signal = index === 0 ? "preferred" : "offered";
      if (stepLink(peer.state, signal)[1].includes("adopt"))
        throw new Error("an attempt that was given up opens a link");
      put({ ...self, attempt: "none" }, apply(peer, signal));
    }
    if (self.attempt === "won") put(apply(self, "connected"), peer);
    if (self.attempt === "lost") put(apply({ ...self, attempt: "none" }, "busy"), peer);
  }
  return worlds;
}

test("two nodes that dial each other at once get one link, in every order of events", () => {
  const seen = new Map<string, World>();
  const queue: World[] = [[START, START]];
  let ends = 0;
  for (let world = queue.pop(); world !== undefined; world = queue.pop()) {
    const key = JSON.stringify(world);
    if (seen.has(key)) continue;
    seen.set(key, world);
    const next = follow(world);
    queue.push(...next);
    if (next.length > 0) continue;
    ends += 1;
    const [lower, higher] = world;
    expect([lower.state, higher.state]).toEqual(["open", "open"]);
    expect([lower.link, higher.link]).toEqual(lower.link === "own" ? ["own", "peer"] : ["peer", "own"]);
  }
  expect(ends).toBeGreaterThan(0);
  expect(seen.size).toBeGreaterThan(25);
  // No side uses a link that the other side has given up.
  for (const [lower, higher] of seen.values()) {
    if (higher.link === "peer") expect(["won", "none"]).toContain(lower.attempt);
    if (lower.link === "peer") expect(["won", "none"]).toContain(higher.attempt);
  }
});

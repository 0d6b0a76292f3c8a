import { describe, expect, test } from "vitest";
import { kUpgradeTrouble } from "../../../packages/server/src/engine/index.ts";
import {
  createWhyPolling,
  decideWhy,
  type PollingFacts,
  whyPolling,
} from "../../../packages/server/src/dashboard/why-polling.ts";
import { Bench } from "../socketio/peer.ts";
import { FakeCore } from "./board-core.ts";

/** A client that has been on polling for a minute and has not tried to leave it, among many that have. */
const FACTS: PollingFacts = {
  transport: "polling",
  offers: ["websocket"],
  age: 60_000,
  step: undefined,
  refusal: undefined,
  network: "10.0.1.0/24",
  ofNetwork: { connections: 40, upgraded: 38 },
  ofAgent: { connections: 100, upgraded: 90 },
  others: { connections: 100, upgraded: 90 },
};

const none = (connections: number): PollingFacts["others"] => ({ connections, upgraded: 0 });

describe("why a client is on polling", () => {
  test.each<[code: string, what: string, facts: Partial<PollingFacts>]>([
    ["NOT_ON_POLLING", "it is not", { transport: "websocket", offers: [] }],
    ["SERVER_OFFERS_NONE", "nothing is offered", { offers: [], step: "timeout" }],
    ["TOO_YOUNG", "it has just come", { age: 4000, ofNetwork: none(10) }],
    ["UPGRADE_TIMEOUT", "its upgrade took too long", { step: "timeout" }],
    ["UPGRADE_LOST", "its WebSocket was cut", { step: "lost", ofNetwork: none(10) }],
    ["UPGRADE_STRAY", "its WebSocket sent something else", { step: "stray" }],
    ["UPGRADE_TWICE", "it offered two", { step: "candidate" }],
    ["UPGRADE_REFUSED", "its origin is not allowed", { refusal: "ORIGIN_NOT_ALLOWED" }],
    ["UPGRADE_REFUSED", "a middleware refused it", { refusal: "MIDDLEWARE_FAILURE" }],
    ["UPGRADE_STRIPPED", "a proxy removed a header", { refusal: "TRANSPORT_MISMATCH", ofNetwork: none(10) }],
    ["NETWORK_BLOCKS", "its network has not one WebSocket", { ofNetwork: none(10), ofAgent: none(10) }],
    ["CLIENT_DOES_NOT_TRY", "its kind of client does not try", { ofAgent: none(10) }],
    ["NEVER_TRIED", "nothing else is known", {}],
    ["NEVER_TRIED", "too few are like it", { ofNetwork: none(2), ofAgent: none(2) }],
    ["NEVER_TRIED", "others do not upgrade either", { ofNetwork: none(10), ofAgent: none(10), others: none(50) }],
  ])("%s: %s", (code, _what, facts) => {
    const why = decideWhy({ ...FACTS, ...facts });
    expect(why.code).toBe(code);
    expect(why.sentence).toMatch(/\.$/);
    expect(why.advice).toMatch(/\.$/);
  });

  test("comes from the session, and from those like it", async () => {
    const bench = new Bench();
    const { core } = new FakeCore(bench.io);
    const upgraded = await Promise.all(
      Array.from({ length: 6 }, () => bench.join("/", { headers: { "user-agent": "browser" } })),
    );
    const robots = await Promise.all(
      Array.from({ length: 3 }, () => bench.join("/", { headers: { "user-agent": "robot" } })),
    );
    for (const { peer } of upgraded) Object.assign(peer.session, { remoteAddress: "10.9.9.9" });
    for (const { peer } of robots) {
      Object.assign(peer.session, { transport: Object.assign(peer.transport, { name: "polling" }) });
    }
    bench.engine.upgrades = () => ["websocket"];
    const [{ socket, peer } = robots[0]!] = robots;
    expect(whyPolling(core, socket).code).toBe("TOO_YOUNG");
    bench.clock.advance(20_000);
    expect(whyPolling(core, socket).code).toBe("NETWORK_BLOCKS");
    for (const robot of robots) Object.assign(robot.peer.session, { remoteAddress: "10.9.9.8" });
    for (const other of upgraded) Object.assign(other.peer.session, { remoteAddress: "10.9.9.9" });
    expect(whyPolling(core, socket).code).toBe("NEVER_TRIED");
    peer.session[kUpgradeTrouble] = { refusal: "ORIGIN_NOT_ALLOWED" };
    const { answers } = createWhyPolling(core);
    expect(await answers?.why?.(`handle of ${peer.session.id}`)).toMatchObject({ code: "UPGRADE_REFUSED" });
    expect(await answers?.why?.("handle of another")).toEqual({ error: "UNKNOWN" });
  });
});

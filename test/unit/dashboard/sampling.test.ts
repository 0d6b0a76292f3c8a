import { describe, expect, test } from "vitest";
import {
  EventTable,
  MOST_EVENT_NAMES,
  OTHER_EVENTS,
} from "../../../packages/server/src/dashboard/sampling/event-figures.ts";
import { LogHistogram } from "../../../packages/server/src/dashboard/sampling/histogram.ts";
import { roomKey, Sampler, UNWATCHED_SHARE } from "../../../packages/server/src/dashboard/sampling/sampler.ts";
import { HeavyKeys } from "../../../packages/server/src/dashboard/sampling/sketch.ts";
import { Random } from "../../support/random.ts";

/** Random numbers from a seed. */
function seededRandom(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

describe("a histogram", () => {
  test("returns percentiles within ten percent", () => {
    const histogram = new LogHistogram();
    for (let value = 1; value <= 10_000; value++) histogram.add(value);
    for (const share of [0.5, 0.95, 0.99]) {
      expect(histogram.quantile(share) / (share * 10_000)).toBeGreaterThan(0.9);
      expect(histogram.quantile(share) / (share * 10_000)).toBeLessThan(1.1);
    }
  });

  test("takes any number, and is 0 when it is empty", () => {
    const histogram = new LogHistogram();
    expect(histogram.quantile(0.5)).toBe(0);
    for (const value of [0, -1, 0.1, 1e300, Infinity]) histogram.add(value);
    expect(histogram.size).toBe(5);
    expect(histogram.quantile(0.1)).toBe(1);
    histogram.halve();
    expect(histogram.size).toBe(2);
  });
});

describe("a sketch", () => {
  test("finds every key with more than two percent among any number of others", () => {
    const random = seededRandom(7);
    const sketch = new HeavyKeys();
    const heavy = ["a", "b", "c", "d", "e"];
    for (let i = 0; i < 100_000; i++) {
      const share = random();
      sketch.add(
        share < 0.125 ? (heavy[Math.floor(share * 40)] as string) : `other ${Math.floor(random() * 50_000)}`,
        1,
      );
    }
    const found = sketch.top(heavy.length).map(({ key }) => key);
    expect(found.sort()).toEqual(heavy);
    for (const key of heavy) expect(sketch.shareOf(key)).toBeCloseTo(0.025, 1);
  });

  test("forgets old keys", () => {
    const sketch = new HeavyKeys();
    sketch.add("old", 100);
    for (let i = 0; i < 5; i++) sketch.halve();
    sketch.add("new", 100);
    expect(sketch.top(1)[0]?.key).toBe("new");
    for (let i = 0; i < 10; i++) sketch.halve();
    expect(sketch.top(9)).toEqual([]);
  });
});

describe("events by name", () => {
  test("are at most 256, and one row for all others", () => {
    const table = new EventTable();
    for (let i = 0; i < 10_000; i++) table.at("/", `event ${i}`).add(1, 10);
    const rows = table.rows();
    expect(rows).toHaveLength(MOST_EVENT_NAMES + 1);
    expect(rows.at(-1)?.name).toBe(OTHER_EVENTS);
  });

  test("make room after a minute without a look", () => {
    const table = new EventTable();
    for (let i = 0; i < MOST_EVENT_NAMES; i++) table.at("/", `event ${i}`).add(1, 10);
    for (let i = 0; i < 61; i++) {
      table.at("/", "event 7").add(1, 10);
      table.turn();
    }
    expect(table.rows().map(({ name }) => name)).toEqual(["event 7"]);
  });
});

/** A packet of the load: its direction, its event, its client. */
interface Load {
  readonly direction: "in" | "out";
  readonly event: string;
  readonly sid: string;
}

/** Passes packets to a sampler as the server does; returns the most looks of a second. */
function run(sampler: Sampler, seconds: number, packetsOf: (second: number) => Iterable<Load>, share?: number): number {
  let most = 0;
  for (let second = 0; second < seconds; second++) {
    let looks = 0;
    for (const { direction, event, sid } of packetsOf(second)) {
      if (--sampler.left > 0) continue;
      looks += 1;
      const look = { namespace: "/", event, sid, size: 100 };
      if (direction === "in") sampler.received(look);
      else sampler.sent(look, false);
    }
    most = Math.max(most, looks);
    sampler.turn(1000, share);
  }
  return most;
}

const noOwnRoom = (): boolean => false;

describe("a sampler", () => {
  test.each([1, 2, 3])("estimates rates of names in a Zipf mix within three sigma, seed %d", (seed) => {
    const random = seededRandom(seed);
    const sampler = new Sampler(noOwnRoom, seededRandom(seed + 1000));
    const weights = Array.from({ length: 20 }, (_, i) => 1 / (i + 1));
    const sum = weights.reduce((a, b) => a + b);
    const exact = new Map<string, number>();
    const pick = (): string => {
      let at = random() * sum;
      const index = weights.findIndex((weight) => (at -= weight) < 0);
      return `event ${index}`;
    };
    run(sampler, 20, function* (second) {
      for (let i = 0; i < 20_000; i++) {
        const event = pick();
        if (second >= 10) exact.set(event, (exact.get(event) ?? 0) + 1);
        yield { direction: "in", event, sid: "one" };
      }
    });
    for (const row of sampler.in.rows()) {
      const count = exact.get(row.name) ?? 0;
      const sigma = Math.sqrt(count * sampler.stride);
      // One of sixty is beyond three sigma by chance alone once in six runs: four for all of them together.
      expect(Math.abs(row.count.sum - count)).toBeLessThan(4 * sigma);
    }
    const inside = sampler.in.rows().filter(({ name, count }) => {
      const real = exact.get(name) ?? 0;
      return Math.abs(count.sum - real) < 3 * Math.sqrt(real * sampler.stride);
    });
    expect(inside.length).toBeGreaterThanOrEqual(19);
  });

  test("is not fooled by a rhythm of received and sent packets", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(4));
    run(sampler, 20, function* () {
      for (let i = 0; i < 30_000; i++) yield { direction: i % 2 === 0 ? "in" : "out", event: "e", sid: "one" };
    });
    expect(sampler.in.all.rate / 15_000).toBeCloseTo(1, 1);
    expect(sampler.out.all.rate / 15_000).toBeCloseTo(1, 1);
  });

  test("looks at no more than 2,000 packets a second, whatever comes", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(5));
    const loads = [0, 100, 100_000, 300_000, 0, 0, 300_000, 1000, 50_000, 0, 1_000_000];
    const most = run(sampler, loads.length, function* (second) {
      for (let i = 0; i < (loads[second] ?? 0); i++) yield { direction: "in", event: "e", sid: "one" };
    });
    expect(most).toBeLessThanOrEqual(1500);
  });

  test("looks at an eighth of them while no page is open, and has the same rates", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(9));
    const load = function* (): Generator<Load> {
      for (let i = 0; i < 20_000; i++) yield { direction: "in", event: i % 4 === 0 ? "rare" : "often", sid: "one" };
    };
    run(sampler, 10, load, UNWATCHED_SHARE);
    expect(run(sampler, 10, load, UNWATCHED_SHARE)).toBeLessThanOrEqual(1500 / 8);
    const rates = Object.fromEntries(sampler.in.rows().map(({ name, count }) => [name, count.rate / 20_000]));
    expect(rates["rare"]).toBeCloseTo(0.25, 1);
    expect(rates["often"]).toBeCloseTo(0.75, 1);
    // A page was opened.
    run(sampler, 1, load);
    expect(run(sampler, 10, load)).toBeGreaterThan(1500 / 4);
  });

  test("looks at everything as long as that is little", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(6));
    run(sampler, 10, function* () {
      for (let i = 0; i < 500; i++) yield { direction: "in", event: `e${i % 5}`, sid: "one" };
    });
    expect(sampler.in.rows().map(({ count }) => count.rate)).toEqual([100, 100, 100, 100, 100]);
  });

  test("finds every client with more than two percent", () => {
    const random = seededRandom(8);
    const sampler = new Sampler(noOwnRoom, random);
    run(sampler, 10, function* () {
      for (let i = 0; i < 10_000; i++) {
        const share = random();
        const sid = share < 0.25 ? `hot ${Math.floor(share * 40)}` : `cold ${Math.floor(random() * 20_000)}`;
        yield { direction: "in", event: "e", sid };
      }
    });
    const found = sampler.senders.top(10).map(({ key }) => key);
    expect(found.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `hot ${i}`));
  });

  test("estimates deliveries by room, small and large broadcasts alike, within its budget", () => {
    const random = seededRandom(9);
    const sampler = new Sampler((_nsp, room) => room === "socket", random);
    let most = 0;
    const broadcast = (room: string, receivers: number): number => {
      if ((sampler.deliveriesLeft -= receivers) > 0) return 0;
      sampler.broadcast({ namespace: "/", event: room, size: 10, rooms: [room], receivers });
      return 1;
    };
    for (let second = 0; second < 20; second++) {
      let looks = 0;
      for (let i = 0; i < 20_000; i++) {
        looks += broadcast(i % 2 === 0 ? "pair" : "socket", i % 2 === 0 ? 2 : 1);
        if (i === 10_000) looks += broadcast("all", 30_000);
      }
      most = Math.max(most, looks);
      sampler.turn(1000);
    }
    expect(most).toBeLessThanOrEqual(550);
    expect(sampler.rooms.shareOf(roomKey("/", "all"))).toBeCloseTo(0.5, 1);
    expect(sampler.rooms.shareOf(roomKey("/", "pair"))).toBeCloseTo(1 / 3, 1);
    expect(sampler.rooms.shareOf(roomKey("/", "socket"))).toBe(0);
    const rates = new Map(sampler.out.rows().map(({ name, count }) => [name, count.rate]));
    expect((rates.get("all") ?? 0) / 30_000).toBeCloseTo(1, 0);
    expect((rates.get("pair") ?? 0) / 20_000).toBeCloseTo(1, 0);
  });

  test("knows how often each room is sent to, however many are in it", () => {
    const sampler = new Sampler((_nsp, room) => room === "socket", seededRandom(12));
    for (let second = 0; second < 9; second++) {
      for (const [room, receivers] of [
        ["large", 50],
        ["small", 2],
        ["socket", 1],
      ] as const)
        for (let i = 0; i < 4; i++) {
          sampler.deliveriesLeft -= receivers;
          sampler.broadcast({ namespace: "/", event: "e", size: 1, rooms: [room], receivers });
        }
      sampler.turn(1000);
    }
    const { addressed } = sampler;
    expect(["large", "small", "socket"].map((room) => addressed.weightOf(roomKey("/", room)))).toEqual([36, 36, 0]);
  });

  test("reports which acknowledgements did not come", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(10));
    const ask = (event: string) => sampler.sent({ namespace: "/", event, sid: "one", size: 1 }, true);
    for (let i = 0; i < 20; i++) {
      ask("silent");
      ask("quick").answered(5);
    }
    const look = { namespace: "/", event: "to all", size: 1, rooms: [], receivers: 30 };
    sampler.broadcast(look, { asked: 29, answered: 9 }).answered(5);
    sampler.broadcast({ ...look, event: "news" });
    for (let second = 0; second < 12; second++) sampler.turn(1000);
    const figures = sampler.out.rows().map(({ name, awaited, unanswered }) => [name, awaited.sum, unanswered.sum]);
    expect(figures).toEqual([
      ["silent", 20, 20],
      ["quick", 20, 0],
      ["to all", 29, 20],
      ["news", 0, 0],
    ]);
  });

  test("adds up the time in listeners", () => {
    const sampler = new Sampler(noOwnRoom, seededRandom(11));
    for (let i = 0; i < 10; i++) {
      sampler.left -= 1;
      sampler.received({ namespace: "/", event: "slow", sid: "one", size: 1 }).handled(40);
    }
    sampler.turn(1000);
    const [row] = sampler.in.rows();
    expect(row?.handling.sum).toBeCloseTo(400);
    expect((row?.handlerTimes?.quantile(0.5) ?? 0) / 40_000).toBeCloseTo(1, 0);
  });
});

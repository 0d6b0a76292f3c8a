import type { Random } from "../../support/random.ts";
import type { RecoverySite } from "./site.ts";

/** Something goes wrong, and well again. */
export interface Fault {
  readonly name: string;
  run(site: RecoverySite): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Make = (random: Random, clients: number) => Fault;

const someOf = (random: Random, count: number, part: number): number[] =>
  Array.from({ length: count }, (_, id) => id).filter(() => random.next() < part);

const howOf = (random: Random): "reset" | "end" => random.pick(["reset", "end"] as const);

const breaking: Make = (random, clients) => {
  const [ids, how] = [someOf(random, clients, 0.3), howOf(random)];
  return {
    name: `break (${how}) ${ids.join(" ")}`,
    run: async (site) => void (await site.clients.ask("break", { ids, how })),
  };
};

const hopping: Make = (random, clients) => {
  const [ids, how, to] = [someOf(random, clients, 0.3), howOf(random), random.below(3)];
  return {
    name: `hop to ${to} (${how}) ${ids.join(" ")}`,
    run: async (site) => void (await site.clients.ask("break", { ids, how, to: to % site.places.length })),
  };
};

/** What happens to clients. */
const LOSSES: readonly Make[] = [breaking, hopping];

/** A fault of one node, which begins and ends. */
const atNode =
  (
    name: string,
    [least, most]: readonly [number, number],
    begin: (site: RecoverySite, index: number) => unknown,
    end: (site: RecoverySite, index: number) => unknown,
  ): Make =>
  (random) => {
    const [index, ms] = [random.below(3), least + random.below(most - least + 1)];
    return {
      name: `${name} ${index} for ${ms} ms`,
      async run(site) {
        const at = index % site.places.length;
        await begin(site, at);
        await pause(ms);
        await end(site, at);
      },
    };
  };

const nothing = (): void => undefined;

/** Emitting goes on after a restart. */
export const RATE = 25;

const killing = atNode(
  "kill",
  [0, 300],
  (site, index) => site.places[index]!.kill(),
  async (site, index) => {
    const place = site.places[index]!;
    await place.start();
    await place.ask("speak", { rate: RATE, seed: index + 10 * place.lives.length });
  },
);

const lagging = atNode(
  "lag",
  [200, 1500],
  ({ places }, index) => (places[index]!.line.lag = 25),
  ({ places }, index) => (places[index]!.line.lag = 0),
);

const cutting = atNode("cut the line of", [0, 0], ({ places }, index) => places[index]!.line.cut(), nothing);
const unlinking = atNode("cut the links of", [0, 0], ({ places }, index) => places[index]!.ask("cut"), nothing);

const command =
  (name: string, ...args: readonly string[]): Make =>
  () => ({ name, run: async ({ control }) => void (await control.call(args[0]!, ...args.slice(1))) });

/** What leaves the log whole, and no node without it for long: all clients can resume. */
export const MILD: readonly Make[] = [
  breaking,
  breaking,
  hopping,
  hopping,
  hopping,
  killing,
  lagging,
  lagging,
  cutting,
  unlinking,
  command("kill the subscribers", "CLIENT", "KILL", "TYPE", "pubsub"),
  command("kill the connections", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
];

const stopping = atNode(
  "stop",
  [500, 8000],
  ({ places }, index) => places[index]!.signal("SIGSTOP"),
  ({ places }, index) => places[index]!.signal("SIGCONT"),
);

const silencing = atNode(
  "silence the line of",
  [500, 8000],
  ({ places }, index) => (places[index]!.line.state = "silent"),
  ({ places }, index) => {
    places[index]!.line.state = "open";
    // What was lost in between would garble the connections.
    places[index]!.line.cut();
  },
);

const leaving: Make = (random) => {
  const ms = random.pick([500, 2000, 5000, 10_000]);
  return {
    name: `Redis away for ${ms} ms`,
    async run({ places }) {
      for (const { line } of places) {
        line.state = "away";
        line.cut();
      }
      await pause(ms);
      for (const { line } of places) line.state = "open";
    },
  };
};

const restarting: Make = (random) => {
  const ms = random.pick([0, 1000, 3000]);
  return { name: `Redis restarts without data after ${ms} ms`, run: ({ redis }) => redis.restart(ms) };
};

const pausing: Make = (random) => {
  const ms = random.pick([300, 1500, 4000]);
  return { name: `CLIENT PAUSE ${ms}`, run: async ({ control }) => void (await control.client("PAUSE", ms)) };
};

/** Beside those: nodes stand still, and Redis disappears and loses its data. */
export const ROUGH: readonly Make[] = [
  breaking,
  hopping,
  hopping,
  killing,
  cutting,
  stopping,
  silencing,
  leaving,
  restarting,
  pausing,
  command("FLUSHALL", "FLUSHALL"),
];

/** Faults of a moment. */
export const BRIEF: readonly Make[] = [
  breaking,
  hopping,
  cutting,
  command("FLUSHALL", "FLUSHALL"),
  () => ({ name: "Redis restarts without data", run: ({ redis }) => redis.restart(0) }),
];

export interface Storm {
  readonly random: Random;
  readonly faults: readonly Make[];
  readonly clients: number;
  readonly count: number;
  /** Milliseconds between two faults, at most. */
  readonly pace: number;
  /** Is called before each. */
  readonly onFault?: (fault: Fault) => void;
}

/** Lets faults happen, one after the other, and clients lose their connections meanwhile. The random numbers alone choose. */
export async function storm(
  site: RecoverySite,
  { random, faults, clients, count, pace, onFault }: Storm,
): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    const fault = random.pick(faults)(random, clients);
    const meanwhile = Array.from({ length: random.below(3) }, () => random.pick(LOSSES)(random, clients));
    onFault?.(fault);
    const running = fault.run(site);
    for (const loss of meanwhile) {
      await pause(random.below(pace));
      onFault?.(loss);
      await loss.run(site);
    }
    await running;
    await pause(random.below(pace));
  }
}

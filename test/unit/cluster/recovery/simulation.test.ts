import { expect, test } from "vitest";
import { Random } from "../../../support/random.ts";
import { settle, type SimNode, SimWorld } from "./sim-world.ts";

/** `SEED` repeats one run, `SCHEDULES` makes more of them. */
const SCHEDULES = Number(process.env["SCHEDULES"] ?? 150);
const FIRST_SEED = Number(process.env["SEED"] ?? 1);
const STEPS = 600;

type Step = (world: SimWorld) => void;

const ROOMS = [undefined, undefined, "fixed", "fixed", "moving", "moving", "other"] as const;

function emit(world: SimWorld): void {
  const { random, history, clients } = world;
  const room = random.below(5) === 0 ? random.pick(clients).sid : random.pick(ROOMS);
  history.add(room, random.below(10) === 0 ? random.pick(["fixed", "other", random.pick(clients).sid]) : undefined);
}

function deliver(world: SimWorld): void {
  world.random.pick(world.awake)?.deliver();
}

function deliverAll(world: SimWorld): void {
  const node = world.random.pick(world.awake);
  if (node !== undefined) while (node.events.delivered!.number < world.history.events.length) node.deliver();
}

function connect(world: SimWorld): void {
  const client = world.random.pick(world.clients);
  if (client.connection === undefined && world.awake.length > 0) world.connect(client, world.random.pick(world.awake));
}

/** A node learns that a client has left. */
function notice(world: SimWorld): void {
  const lost = world.connections.filter(({ state, node }) => state === "cut" && node.state === "up");
  if (lost.length > 0) lost[0]!.node.lose(lost[0]!);
}

/** A socket joins a room, or leaves it. What is written before the next change must have an effect. */
function move(world: SimWorld): void {
  const node = world.random.pick(world.awake);
  const socket = node === undefined ? undefined : world.random.pick([...node.sockets.values()]);
  if (node === undefined || socket === undefined) return;
  const { client } = socket.connection;
  const skipped = node.events.skips.filter(([sid]) => sid === socket.id).map(([, through]) => through);
  const since = Math.max(node.events.delivered!.number, ...skipped);
  socket.moves += 1;
  const { moves } = socket;
  const isCurrent = client.pid === socket.pid && client.connection === socket.connection;
  if (socket.rooms.delete("moving")) {
    if (client.pid === socket.pid)
      for (const stay of client.stays) stay.until = Math.min(stay.until ?? Infinity, since);
    void node.sessions.leave(socket.id, ["moving"]);
  } else {
    socket.rooms.add("moving");
    const { epoch } = world.history;
    void node.sessions.join(socket.id, ["moving"])?.then(() => {
      const isWritten = world.records.get(`/ ${socket.pid}`)?.owner.tag === node.tag && node.store.state === "up";
      const isThere = node.sockets.get(socket.id) === socket && socket.moves === moves;
      if (isCurrent && isWritten && isThere && client.pid === socket.pid && epoch === world.history.epoch) {
        client.stays.push({ since, until: undefined });
      }
    });
  }
}

function travel(world: SimWorld): void {
  const node = world.random.pick(world.awake);
  if (node === undefined) return;
  const queue = node.commands.length > 0 && world.random.below(2) === 0 ? node.commands : node.replies;
  queue.shift()?.();
}

function kill(world: SimWorld): void {
  const node = world.random.pick(world.alive);
  if (node === undefined) return;
  node.kill();
  for (const client of world.clients) if (client.connection?.node === node) client.cut();
  world.addNode();
}

function freeze(world: SimWorld): void {
  const node = world.random.pick(world.alive);
  node.state = node.state === "up" ? "frozen" : "up";
}

const CALM: readonly Step[] = [
  ...Array<Step>(12).fill(emit),
  ...Array<Step>(14).fill(deliver),
  deliverAll,
  ...Array<Step>(14).fill((world) => world.random.pick(world.clients).hear()),
  ...Array<Step>(6).fill(connect),
  ...Array<Step>(3).fill((world) => world.random.pick(world.clients).cut()),
  ...Array<Step>(3).fill(notice),
  ...Array<Step>(4).fill(move),
  ...Array<Step>(30).fill(travel),
  kill,
  freeze,
  freeze,
  (world) => void (world.random.pick(world.alive).isReachable = world.random.below(3) > 0),
  ({ clock, random }) => clock.advance(random.pick([1, 100, 1000, 5000])),
];

const ROUGH: readonly Step[] = [
  ...CALM,
  (world) => void (world.random.pick(world.alive).store.state = world.random.pick(["up", "up", "away", "mute"])),
  (world) => world.random.below(8) === 0 && world.records.clear(),
  (world) => void (world.random.below(3) === 0 && (world.history.first = world.history.events.length)),
  (world) => void (world.random.below(8) === 0 && renew(world)),
];

/** The log loses everything, with the records; every node learns it at once. */
function renew(world: SimWorld): void {
  world.records.clear();
  world.history.renew(`e${world.nextId()}`.padEnd(4, "-").slice(0, 4));
  for (const node of world.alive) node.events.deliver(0);
}

/** Lets everything come to rest: all is delivered, all clients are back, all is heard. */
async function rest(world: SimWorld): Promise<void> {
  for (const node of world.alive) {
    node.state = "up";
    node.isReachable = true;
    node.store.state = "up";
  }
  for (let round = 0; round < 40; round++) {
    for (const client of world.clients) {
      if (client.connection?.state === "closed") while (client.connection !== undefined) client.hear();
      if (client.connection === undefined) world.connect(client, world.awake[0]!);
    }
    for (const node of world.awake) {
      for (const arrive of node.commands.splice(0)) arrive();
      for (const arrive of node.replies.splice(0)) arrive();
      while (node.events.delivered!.number < world.history.events.length) node.deliver();
    }
    await settle();
    world.clock.advance(1000);
    for (let lost = true; lost;) {
      const before = world.connections.filter(({ state }) => state === "cut").length;
      notice(world);
      lost = world.connections.filter(({ state }) => state === "cut").length < before;
    }
  }
  for (const client of world.clients) {
    while ((client.connection?.sent.length ?? 0) > 0) client.hear();
    client.checkGaps(world.history.events.length + 1);
  }
}

/** P7: at rest, a session has one owner, and that one is also the owner of its record, unless the store has lost that. */
function ownersOf(world: SimWorld, steps: readonly Step[]): string[] {
  const faults: string[] = [];
  const owners = new Map<string, SimNode>();
  for (const node of world.alive) {
    for (const { pid } of node.sockets.values()) {
      if (owners.has(pid)) faults.push(`${pid} is at ${owners.get(pid)!.tag} and at ${node.tag}`);
      owners.set(pid, node);
      const owner = world.records.get(`/ ${pid}`)?.owner.tag;
      const isLost = steps === ROUGH && owner === undefined;
      if (owner !== node.tag && !isLost) faults.push(`${pid} is at ${node.tag}, and its record belongs to ${owner}`);
    }
    if (node.sessions.size !== node.sockets.size) faults.push(`${node.tag} has other sessions than sockets`);
  }
  return faults;
}

async function run(seed: number, steps: readonly Step[]): Promise<SimWorld> {
  const world = new SimWorld(new Random(seed));
  for (let i = 0; i < STEPS; i++) {
    world.random.pick(steps)(world);
    await settle();
  }
  await rest(world);
  const faults = [...world.clients.flatMap((client) => client.faults), ...ownersOf(world, steps)];
  expect(faults, `SEED=${seed}`).toEqual([]);
  return world;
}

test.each([
  ["nodes are killed, frozen and cut off", CALM, 0.5],
  ["and the store is away, or loses data", ROUGH, 0.1],
])("a recovered session has no gap and no double, and one owner: %s", async (_name, steps, least) => {
  const outcomes: Record<string, number> = {};
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const { clients } = await run(seed, steps);
    for (const outcome of clients.flatMap((client) => client.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  const { new: _new, recovered = 0, ...refused } = outcomes;
  const asked = Object.values(refused).reduce((sum, count) => sum + count, recovered);
  if (process.env["SCHEDULES"]) console.log(outcomes);
  expect(recovered / asked).toBeGreaterThan(least);
});

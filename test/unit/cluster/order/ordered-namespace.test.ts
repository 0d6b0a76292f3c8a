import { expect, test } from "vitest";
import { settle, type SimEvent, type SimNode, type SimSession, SimWorld } from "./sim-world.ts";

const countsOf = (session: SimSession): number[] => session.received.map(({ event }) => event.count);
const namesOf = (events: readonly SimEvent[]): string[] => events.map(({ from, count }) => `${from} ${count}`);
const seenBy = (session: SimSession): string[] => namesOf(session.received.map(({ event }) => event));

async function startNodes(count: number, options = {}): Promise<{ world: SimWorld; nodes: SimNode[] }> {
  const world = new SimWorld(options);
  const nodes = Array.from({ length: count }, () => world.add());
  await settle();
  await world.advance(10);
  return { world, nodes };
}

test("all nodes deliver in one order, the emitter included, and the order of each program is kept", async () => {
  const { world, nodes } = await startNodes(3);
  const sessions = nodes.map((node, i) => node.connect(`s${i}`));
  nodes.forEach(({ log }, i) => (log.lag = { commands: 3 - i, subscription: 1 + 5 * i }));
  for (let i = 0; i < 5; i++) {
    for (const node of nodes) node.emit();
    await settle();
    await world.advance(1);
  }
  await world.advance(50);
  const [first = [], ...others] = sessions.map(seenBy);
  expect(first).toHaveLength(15);
  for (const other of others) expect(other).toEqual(first);
  const numbers = sessions[0]?.received.map(({ position }) => position?.number);
  expect(numbers).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
});

test("what a node emits before it has joined the log comes back to it, in the one order", async () => {
  const { world, nodes } = await startNodes(1);
  const [one] = nodes as [SimNode];
  const first = one.connect("a");
  const two = world.add({ commands: 10, subscription: 10 });
  await settle();
  const second = two.connect("b");
  two.emit();
  for (let i = 0; i < 12; i++) {
    await settle();
    await world.advance(10);
    one.emit();
  }
  await settle();
  await world.advance(200);
  expect(seenBy(first)).toContain("node-002 1");
  const [since = ""] = seenBy(second);
  expect(seenBy(second)).toEqual(seenBy(first).slice(seenBy(first).indexOf(since)));
  expect(seenBy(second)).toContain("node-002 1");
  expect(second.received.map(({ position }) => position)).not.toContain(undefined);
});

test("an event is delivered by its emitter when it comes back, and not before", async () => {
  const { world, nodes } = await startNodes(1);
  const [node] = nodes as [SimNode];
  const session = node.connect("s");
  node.emit();
  await settle();
  expect(node.events.isHolding).toBe(true);
  expect(countsOf(session)).toEqual([]);
  await world.advance(5);
  expect(countsOf(session)).toEqual([1]);
  expect(node.events.isHolding).toBe(false);
});

test("what the program does after an event happens after its delivery", async () => {
  const { world, nodes } = await startNodes(1);
  const [node] = nodes as [SimNode];
  const session = node.connect("s");
  const order: string[] = [];
  const note = (name: string) => ({ run: () => void order.push(`${name} after ${countsOf(session).length}`) });
  node.events.runInOrder(note("a"));
  node.emit();
  node.events.runInOrder(note("b"));
  node.events.runInOrder(note("c"));
  node.emit();
  node.events.runInOrder(note("d"));
  expect(order).toEqual(["a after 0"]);
  await settle();
  await world.advance(10);
  expect(order).toEqual(["a after 0", "b after 1", "c after 1", "d after 2"]);
});

test("a client that has read an event from the log does not get it again when its emitter gives up waiting", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const session = one.connect("s");
  one.emit();
  await settle();
  await world.advance(10);
  one.sessions.delete(session);
  two.log.lag = { commands: 1, subscription: 5000 };
  two.emit();
  await settle();
  await world.advance(10);
  const resumed = two.resume(session);
  await world.advance(50);
  expect(await resumed).toBe(true);
  expect(seenBy(session)).toEqual(["node-001 1", "node-002 1"]);
  two.log.cut("subscription");
  await world.advance(1500);
  expect(two.reports).toEqual(["degraded"]);
  expect(seenBy(session)).toEqual(["node-001 1", "node-002 1"]);
  expect(two.sessions.has(session)).toBe(false);
  expect(await Promise.all([one.resume(session), world.advance(50)])).toEqual([true, undefined]);
});

test("what came while the subscription was interrupted is read, before what comes live", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const session = two.connect("s");
  two.log.cut("subscription");
  for (let i = 0; i < 7; i++) one.emit();
  await settle();
  await world.advance(20);
  expect(countsOf(session)).toEqual([]);
  two.log.lag = { commands: 20, subscription: 1 };
  two.log.mend();
  await settle();
  await world.advance(10);
  one.emit();
  await settle();
  await world.advance(300);
  expect(countsOf(session)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(two.reports).toEqual([]);
});

test("a reply that was lost does not double what was appended", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const sessions = [one.connect("a"), two.connect("b")];
  one.emit();
  one.log.losesReplies = true;
  await settle();
  await world.advance(5);
  one.log.losesReplies = false;
  one.emit();
  one.log.mend();
  await settle();
  await world.advance(300);
  for (const session of sessions) expect(countsOf(session)).toEqual([1, 2]);
});

test("without the log, events are held for a moment, then delivered at once, and appended later", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const [local, remote] = [one.connect("a"), two.connect("b")];
  one.log.cut();
  one.emit();
  await settle();
  await world.advance(900);
  expect(countsOf(local)).toEqual([]);
  await world.advance(300);
  expect(countsOf(local)).toEqual([1]);
  expect(one.reports).toEqual(["degraded"]);
  one.emit();
  expect(countsOf(local)).toEqual([1, 2]);
  expect(local.offset).toBeUndefined();
  expect(one.events.delivered).toBeUndefined();
  two.emit();
  await settle();
  await world.advance(10);
  expect(seenBy(remote)).toEqual(["node-002 1"]);
  one.log.mend();
  await settle();
  await world.advance(300);
  expect(one.reports).toEqual(["degraded", "restored"]);
  expect(seenBy(local)).toEqual(["node-001 1", "node-001 2", "node-002 1"]);
  expect(seenBy(remote)).toEqual(["node-002 1", "node-001 1", "node-001 2"]);
});

test("a client that has not got an event beyond an outage can't resume", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const before = two.connect("before");
  two.emit();
  await settle();
  await world.advance(10);
  two.sessions.delete(before);
  one.log.cut();
  one.emit();
  await settle();
  await world.advance(2000);
  one.log.mend();
  await settle();
  await world.advance(300);
  const resumed = two.resume(before);
  await settle();
  await world.advance(50);
  expect(await resumed).toBe(false);
  const after = two.connect("after");
  one.emit();
  await settle();
  await world.advance(10);
  two.sessions.delete(after);
  one.emit();
  const again = one.resume(after);
  await settle();
  await world.advance(50);
  expect(await again).toBe(true);
  expect(countsOf(after)).toEqual([2, 3]);
});

test("while a node is degraded, its clients can't resume from any event", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const session = one.connect("s");
  one.log.cut("commands");
  one.emit();
  await settle();
  await world.advance(2000);
  two.emit();
  await settle();
  await world.advance(10);
  expect(seenBy(session)).toEqual(["node-001 1", "node-002 1"]);
  expect(session.received.map(({ position }) => position)).toEqual([undefined, undefined]);
});

test("a short outage is not noticed", async () => {
  const { world, nodes } = await startNodes(1);
  const [node] = nodes as [SimNode];
  const session = node.connect("s");
  node.log.cut();
  node.emit();
  await settle();
  await world.advance(800);
  node.log.mend();
  await settle();
  await world.advance(300);
  expect(countsOf(session)).toEqual([1]);
  expect(session.offset).toMatchObject({ number: 1 });
  expect(node.reports).toEqual([]);
});

test("beyond maxQueuedBytes events are not sent to the other nodes, and a hole says so", async () => {
  const { world, nodes } = await startNodes(2, { maxQueuedBytes: 200 });
  const [one, two] = nodes as [SimNode, SimNode];
  const [local, remote] = [one.connect("a"), two.connect("b")];
  const absent = two.connect("c");
  two.sessions.delete(absent);
  one.log.cut();
  for (let i = 0; i < 50; i++) one.emit();
  await settle();
  expect(countsOf(local)).toHaveLength(50);
  expect(one.events.bytes).toBeLessThan(300);
  expect(one.reports.filter((report) => report === "dropped").length).toBeGreaterThan(40);
  one.log.mend();
  await settle();
  await world.advance(2000);
  expect(one.reports.at(-1)).toBe("restored");
  const before = countsOf(remote).length;
  expect(before).toBeGreaterThan(0);
  one.emit();
  await settle();
  await world.advance(20);
  expect(countsOf(remote)).toEqual([...Array.from({ length: before }, (_, i) => i + 1), 51]);
  expect(two.lost).toBe(0);
  const resumed = two.resume(absent);
  await settle();
  await world.advance(50);
  expect(await resumed).toBe(false);
});

test("an event from before the first connection to the log makes no hole", async () => {
  const { world, nodes } = await startNodes(1);
  const [one] = nodes as [SimNode];
  const absent = one.connect("a");
  one.emit();
  await settle();
  await world.advance(10);
  one.sessions.delete(absent);
  const late = world.add();
  late.log.cut();
  late.emit();
  await settle();
  await world.advance(200);
  late.log.mend();
  await settle();
  await world.advance(200);
  const resumed = one.resume(absent);
  await settle();
  await world.advance(50);
  expect(await resumed).toBe(true);
  expect(seenBy(absent)).toEqual(["node-001 1", "node-002 1"]);
});

test("a log that was emptied has a new epoch, and delivery goes on", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const [local, remote] = [one.connect("a"), two.connect("b")];
  const absent = two.connect("c");
  one.emit();
  await settle();
  await world.advance(10);
  two.sessions.delete(absent);
  world.server.empty();
  two.emit();
  one.emit();
  await settle();
  await world.advance(300);
  expect(seenBy(local).sort()).toEqual(["node-001 1", "node-001 2", "node-002 1"]);
  expect(seenBy(remote)).toEqual(seenBy(local));
  expect(remote.offset?.epoch).not.toBe(absent.offset?.epoch);
  const resumed = one.resume(absent);
  await settle();
  await world.advance(50);
  expect(await resumed).toBe(false);
});

test("an event that the log has confirmed and lost comes before those of the next epoch, at its own node as well", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const [remote, local] = [one.connect("a"), two.connect("b")];
  two.log.cut("subscription");
  two.emit();
  await settle();
  await world.advance(10);
  world.server.empty();
  one.emit();
  await settle();
  await world.advance(10);
  two.log.mend();
  await settle();
  await world.advance(500);
  expect(seenBy(remote)).toEqual(["node-002 1", "node-001 1"]);
  expect(seenBy(local)).toEqual(["node-002 1", "node-001 1"]);
});

test("a log that is emptied again and again loses nothing for a node that follows it", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const session = two.connect("s");
  two.log.lag = { commands: 40, subscription: 1 };
  for (let i = 0; i < 12; i++) {
    one.emit();
    await settle();
    await world.advance(5);
    if (i % 3 === 2) world.server.empty();
  }
  await world.advance(1000);
  expect(countsOf(session)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(two.lost).toBe(0);
});

test("a log that has lost its end gets a new epoch from the first node that knows", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const [local, remote] = [one.connect("a"), two.connect("b")];
  for (let i = 0; i < 4; i++) one.emit();
  await settle();
  await world.advance(10);
  one.log.cut();
  two.log.cut();
  world.server.failOver("/", 2);
  one.log.mend();
  two.log.mend();
  await settle();
  await world.advance(50);
  one.emit();
  await settle();
  await world.advance(300);
  expect(countsOf(local)).toEqual([1, 2, 3, 4, 5]);
  expect(countsOf(remote)).toEqual([1, 2, 3, 4, 5]);
  expect(local.offset?.number).toBe(1);
});

test("clients begin anew when the log has lost what they got, and other events have come in its place", async () => {
  const { world, nodes } = await startNodes(3);
  const [one, two, three] = nodes as [SimNode, SimNode, SimNode];
  const [local, remote] = [one.connect("a"), two.connect("b")];
  one.log.cut("subscription");
  three.emit();
  await settle();
  await world.advance(10);
  expect(countsOf(remote)).toEqual([1]);
  two.log.cut();
  three.log.cut();
  // No node that follows the log knows more than it has now.
  world.server.failOver("/", 1);
  for (let i = 0; i < 3; i++) one.emit();
  one.log.mend();
  await settle();
  await world.advance(10);
  two.log.mend();
  await settle();
  await world.advance(300);
  expect([countsOf(local), one.lost]).toEqual([[1, 2, 3], 0]);
  // Nobody had heard of the first node before: its numbers do not show that events are missing.
  expect([countsOf(remote), two.lost, two.sessions.size]).toEqual([[1], 1, 0]);
});

test("a node that was away for longer than the log stores reports that events are lost, once", async () => {
  const { world, nodes } = await startNodes(2, { maxLength: 5 });
  const [one, two] = nodes as [SimNode, SimNode];
  two.log.cut();
  for (let i = 0; i < 20; i++) one.emit();
  await settle();
  await world.advance(500);
  two.log.mend();
  await settle();
  await world.advance(300);
  expect(two.lost).toBe(1);
  const session = two.connect("s");
  one.emit();
  await settle();
  await world.advance(20);
  expect(countsOf(session)).toEqual([21]);
  expect(two.lost).toBe(1);
});

test("a client that has got more than its node skips that much", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const session = one.connect("s");
  two.log.lag = { commands: 1, subscription: 100 };
  for (let i = 0; i < 3; i++) one.emit();
  await settle();
  await world.advance(10);
  one.sessions.delete(session);
  for (let i = 0; i < 2; i++) one.emit();
  await settle();
  await world.advance(10);
  const resumed = two.resume(session);
  await settle();
  await world.advance(20);
  expect(await resumed).toBe(true);
  expect(countsOf(session)).toEqual([1, 2, 3, 4, 5]);
  one.emit();
  await settle();
  await world.advance(300);
  expect(countsOf(session)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a node that closes leaves no timers and appends nothing more", async () => {
  const { world, nodes } = await startNodes(1);
  const [node] = nodes as [SimNode];
  node.log.cut();
  node.emit();
  await settle();
  node.events.close();
  expect(world.clock.pending(node)).toBe(0);
  node.emit();
  expect(node.events.bytes).toBe(0);
});

test("an event whose outcome was unknown when the log was emptied comes once to each session", async () => {
  const { world, nodes } = await startNodes(2);
  const [one, two] = nodes as [SimNode, SimNode];
  const [here, moved] = [two.connect("a"), two.connect("b")];
  one.log.losesReplies = true;
  one.emit();
  await settle();
  await world.advance(10);
  expect([countsOf(here), countsOf(moved)]).toEqual([[1], [1]]);
  // A node that has not delivered the event, with a client that has it.
  const late = world.add();
  await settle();
  await world.advance(10);
  two.sessions.delete(moved);
  const resumed = late.resume(moved);
  await settle();
  await world.advance(10);
  expect(await resumed).toBe(true);
  const fresh = new Set(["c", "d"].map((id) => late.connect(id)));
  world.server.empty();
  one.log.losesReplies = false;
  one.log.mend();
  await settle();
  await world.advance(300);
  expect([countsOf(here), countsOf(moved)]).toEqual([[1], [1]]);
  // It can't tell who has the event: all begin anew.
  expect([two.lost, late.lost, late.sessions.size]).toEqual([0, 1, 0]);
  for (const session of fresh) expect(countsOf(session)).toEqual([]);
  const next = late.connect("e");
  one.emit();
  await settle();
  await world.advance(20);
  expect([countsOf(here), countsOf(next)]).toEqual([[1, 2], [2]]);
});

test("the first event of a new node is not in doubt, although the connection was cut before the node knew the log", async () => {
  const { world, nodes } = await startNodes(1);
  const [one] = nodes as [SimNode];
  const session = one.connect("s");
  const late = world.add();
  late.emit();
  for (const part of ["both", "commands"] as const) {
    await settle();
    late.log.cut(part);
    await settle();
    late.log.mend();
    await world.advance(1);
  }
  await world.advance(500);
  expect([countsOf(session), one.lost]).toEqual([[1], 0]);
});

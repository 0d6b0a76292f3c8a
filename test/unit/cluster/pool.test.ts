import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, serverClock } from "@portage/server/relay";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeFrame, type Frame } from "../../../packages/cluster/src/core/frames.ts";
import { Directory } from "../../../packages/cluster/src/links/directory.ts";
import { HostRegistry } from "../../../packages/cluster/src/links/host-registry.ts";
import type { Link, LinkEnd } from "../../../packages/cluster/src/links/link.ts";
import { LinkPool, type PoolHandler } from "../../../packages/cluster/src/links/pool.ts";
import { within } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

const FRAMES = 10;

/** A node that sends frames as soon as a link opens, and records what it gets. */
class Node implements PoolHandler {
  readonly pool: LinkPool;
  readonly opened: string[] = [];
  readonly closed: [tag: string, end: LinkEnd][] = [];
  readonly got = new Map<string, number[]>();
  readonly hasJoined: Promise<void>;
  #joined!: () => void;
  #full!: () => void;
  readonly isFull: Promise<void>;

  constructor(directory: string, others: number, clock: Clock = serverClock) {
    this.hasJoined = new Promise((resolve) => (this.#joined = resolve));
    this.isFull = new Promise((resolve) => (this.#full = resolve));
    this.pool = new LinkPool(
      {
        clock,
        registry: new HostRegistry(new Directory(directory), true),
        keys: undefined,
        heartbeatInterval: 1000,
        heartbeatTimeout: 4000,
        maxLinkBytes: 8e6,
      },
      this,
    );
    this.#others = others;
  }
  readonly #others: number;

  onJoined(): void {
    this.#joined();
  }
  onOpen(link: Link): void {
    this.opened.push(link.tag);
    for (let i = 0; i < FRAMES; i++) link.send(encodeFrame("FIN", i));
  }
  onFrame({ tag }: Link, { stream }: Frame): void {
    const got = this.got.get(tag) ?? [];
    this.got.set(tag, got);
    got.push(stream);
    const isFull = this.got.size === this.#others && [...this.got.values()].every(({ length }) => length === FRAMES);
    if (isFull) this.#full();
  }
  onDrain(): void {}
  onClose({ tag }: Link, end: LinkEnd): void {
    this.closed.push([tag, end]);
  }
  onGone(): void {}
  onRefused(code: string): void {
    throw new Error(code);
  }
  onFailed(error: Error): void {
    throw error;
  }
  onBeat(): void {}
  isIdle(): boolean {
    return true;
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pp-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("nodes that dial each other at once", () => {
  test.each([2, 3, 6])("%i nodes get one link for each pair, and lose no frame", async (count) => {
    for (let round = 0; round < 10; round++) {
      const nodes = Array.from({ length: count }, () => new Node(join(folder, "n"), count - 1));
      // Some start in the same turn, others a few turns later, while the first dial.
      for (const [index, node] of nodes.entries()) {
        node.pool.start();
        for (let turns = (round * index) % 4; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      }
      await within(Promise.all(nodes.flatMap(({ hasJoined, isFull }) => [hasJoined, isFull])), "all frames");
      const tags = nodes.map(({ pool }) => pool.self.tag);
      for (const { pool, opened, closed, got } of nodes) {
        const others = tags.filter((tag) => tag !== pool.self.tag).sort();
        expect([...opened].sort()).toEqual(others);
        expect(closed).toEqual([]);
        for (const streams of got.values()) expect(streams).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
      }
      for (const { pool } of nodes) pool.close();
      for (const { closed } of nodes) expect(closed.map(([, end]) => end)).not.toContain("failed");
    }
  });
});

/** Blocks the event loop, as a machine with too much to do. */
const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test.each([1, 2, 3, 4, 6, 8])(
  "a process that stands still after %i turns does not give up its attempts",
  async (turns) => {
    const nodes = [new Node(join(folder, "n"), 1), new Node(join(folder, "n"), 1)];
    nodes[0]!.pool.start();
    await nodes[0]!.hasJoined;
    nodes[1]!.pool.start();
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    block(1100);
    await within(Promise.all(nodes.map(({ isFull }) => isFull)), "all frames");
    expect(nodes.map(({ opened, closed }) => [opened.length, closed])).toEqual([
      [1, []],
      [1, []],
    ]);
    for (const { pool } of nodes) pool.close();
  },
);

describe("a node that did not hear of a newcomer", () => {
  /** A marker without a process: the newcomer has dialled in vain. */
  const joinUnheard = (tag: string): void => writeFileSync(join(folder, "n", tag), "1\n", { mode: 0o600 });

  test("looks for it once a request names it, and not for each name that a client invents", async () => {
    const clock = new FakeClock();
    const node = new Node(join(folder, "n"), 0, clock);
    node.pool.start();
    await node.hasJoined;
    joinUnheard("ABCD");
    expect(node.pool.knows("ABCD")).toBe(false);
    clock.advance(250);
    expect(node.pool.knows("ABCD")).toBe(true);
    joinUnheard("EFGH");
    expect(node.pool.knows("EFGH")).toBe(false);
    clock.advance(250);
    expect(node.pool.knows("junk")).toBe(false);
    expect(node.pool.knows("EFGH")).toBe(true);
    node.pool.close();
    expect(node.pool.knows("ABCD")).toBe(false);
  });
});

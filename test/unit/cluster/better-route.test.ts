import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Door } from "../../../packages/cluster/src/links/door.ts";
import type { Link, LinkEnd, LinkKind } from "../../../packages/cluster/src/links/link.ts";
import { LinkPool, type PoolHandler } from "../../../packages/cluster/src/links/pool.ts";
import type { Registry, RegistryHost } from "../../../packages/cluster/src/links/registry.ts";
import type { Route } from "../../../packages/cluster/src/links/route.ts";
import { Inbox } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

const KEY = Buffer.from("0123456789abcdef");

let folder: string;
let clock: FakeClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pr-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A registry of two nodes: each has a TCP address, which may be a wrong one, and a socket in place of a bus. */
class TwoRoutes implements Registry {
  readonly kind = "tcp";
  readonly knowsEnds = false;
  readonly keys = (): readonly Buffer[] => [KEY];
  readonly #tag: string;
  readonly #others: readonly string[];
  #doors: Door[] = [];
  /** Where the other node listens. */
  port = 1;

  constructor(tag: string, others: readonly string[]) {
    this.#tag = tag;
    this.#others = others;
  }

  get ownPort(): number {
    return this.#doors[0]!.port;
  }

  join(life: string, host: RegistryHost): void {
    const self = { tag: this.#tag, life };
    const make = (kind: LinkKind): Door => new Door({ self, keys: host.keys, kind }, host);
    this.#doors = [make("tcp"), make("bus")];
    this.#doors[0]!.listen({ host: "127.0.0.1", port: 0 }, () =>
      this.#doors[1]!.listen({ path: join(folder, this.#tag) }, () => host.onClaimed(self, this.#others)),
    );
  }

  routesTo(tag: string): readonly Route[] {
    const overBus: Route = { kind: "bus", connect: () => connect(join(folder, tag)) };
    return [{ kind: "tcp", host: "127.0.0.1", port: this.port }, overBus];
  }

  beat(): void {}
  bury(): void {}
  leave(): void {
    for (const door of this.#doors) door.close();
  }
}

class Handler implements PoolHandler {
  readonly opened = new Inbox<LinkKind>("a link");
  readonly ends: LinkEnd[] = [];
  idle: "idle" | "busy" = "busy";
  onJoined(): void {}
  onOpen({ kind }: Link): void {
    this.opened.push(kind);
  }
  onFrame(): void {}
  onDrain(): void {}
  onClose(_link: Link, end: LinkEnd): void {
    this.ends.push(end);
  }
  onGone(): void {}
  onRefused(): void {}
  onFailed(error: Error): void {
    throw error;
  }
  onBeat(): void {}
  isIdle(): boolean {
    return this.idle === "idle";
  }
}

const LIMITS = { keys: undefined, heartbeatInterval: 1e6, heartbeatTimeout: 4e6, maxLinkBytes: 8e6 };

test("a link over the second route is replaced once the first leads to the node, and nothing is under way", async () => {
  const first = new TwoRoutes("AAAA", ["BBBB"]);
  const second = new TwoRoutes("BBBB", []);
  const handler = new Handler();
  const far = new LinkPool({ clock, registry: second, ...LIMITS }, new Handler());
  const near = new LinkPool({ clock, registry: first, ...LIMITS }, handler);
  far.start();
  near.start();
  // The address of BBBB is wrong: after a second, the second route is tried.
  const link = handler.opened.find(() => true);
  const timer = setInterval(() => clock.advance(5), 1);
  expect(await link).toBe("bus");
  clearInterval(timer);
  first.port = second.ownPort;
  clock.advance(60_000);
  for (let i = 0; i < 5; i++) clock.advance(1000);
  expect(handler.ends).toEqual([]);
  handler.idle = "idle";
  const better = handler.opened.find((kind) => kind === "tcp");
  clock.advance(1000);
  expect(await better).toBe("tcp");
  expect(handler.ends).toEqual(["cut"]);
  for (const pool of [near, far]) pool.close();
});

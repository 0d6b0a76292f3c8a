import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { WINDOW } from "../../../packages/cluster/src/core/credit.ts";
import { encodeFrame, type FrameName } from "../../../packages/cluster/src/core/frames.ts";
import type { SocketPasser } from "../../../packages/cluster/src/exchange/tunnel-registry.ts";
import { paceOf } from "../../../packages/server/src/engine/departure.ts";
import { Random } from "../../support/random.ts";
import { type Arrival, NOTHING_LEFT, TunnelRig, upgradeRequest } from "../../support/cluster/tunnel-rig.ts";
import { turn } from "../../support/waiting.ts";
import { duplexPair } from "../websocket/duplex-pair.ts";

/** A tunnel with both of its ends, and what arrives at each. */
class Tunnelled {
  readonly rig: TunnelRig;
  /** The client's own end of its connection. */
  readonly client: Duplex;
  /** The end that the front has. */
  readonly near: Duplex;
  readonly owner: Arrival["socket"];
  readonly arrival: Arrival;
  readonly #atClient: Buffer[] = [];
  readonly #atOwner: Buffer[] = [];

  constructor(rig = new TunnelRig(), head?: Buffer) {
    this.rig = rig;
    [this.client, this.near] = duplexPair();
    for (const stream of [this.client, this.near]) stream.on("error", () => undefined);
    this.arrival = rig.arrive(this.near, head);
    this.owner = this.arrival.socket;
  }

  read(...ends: readonly ("client" | "owner")[]): this {
    if (ends.includes("client")) this.client.on("data", (chunk: Buffer) => this.#atClient.push(chunk));
    if (ends.includes("owner")) this.owner.on("data", (chunk: Buffer) => this.#atOwner.push(chunk));
    return this;
  }

  get atClient(): Buffer {
    return Buffer.concat(this.#atClient);
  }

  get atOwner(): Buffer {
    return Buffer.concat(this.#atOwner);
  }

  /** Lets streams and links work until nothing moves. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      await turn();
      if (this.rig.front.link.isClosed) continue;
      if (this.rig.front.link.deliver() + this.rig.owner.link.deliver() > 0) quiet = 0;
    }
  }

  get left(): unknown[] {
    return [this.rig.front.left, this.rig.owner.left];
  }
}

const NOTHING = [NOTHING_LEFT, NOTHING_LEFT];

describe("the handshake", () => {
  test("arrives as it was sent", () => {
    const { arrival } = new Tunnelled(undefined, Buffer.from("first"));
    const { req, socket, head } = arrival;
    expect(req).toMatchObject({ method: "GET", httpVersion: "1.1", httpVersionMajor: 1, complete: true });
    expect(req.url).toBe("/socket.io/?EIO=4&transport=websocket&sid=AAAA0");
    expect(req.headers).toEqual({
      host: "localhost",
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
    });
    expect(req.socket).toBe(socket);
    expect(head.toString()).toBe("first");
    expect(socket).toMatchObject({ remoteAddress: "192.0.2.7", remotePort: 50_000, remoteFamily: "IPv4" });
    expect(socket.encrypted).toBeUndefined();
  });

  test("of an encrypted connection", () => {
    const rig = new TunnelRig();
    const [, near] = duplexPair();
    const { socket } = rig.arrive(Object.assign(near, { encrypted: true }));
    expect(socket.encrypted).toBe(true);
  });

  test("of a client that has gone is dropped", () => {
    const rig = new TunnelRig();
    const [, near] = duplexPair();
    near.destroy();
    expect(rig.open(upgradeRequest(near), near)).toBe("taken");
    expect(rig.front.link.sent).toEqual([]);
    expect(rig.front.left).toEqual(NOTHING_LEFT);
  });

  test("with a line break in a header is refused", () => {
    const rig = new TunnelRig();
    const [, near] = duplexPair();
    const req = upgradeRequest(near);
    req.rawHeaders.push("x", "a\nb");
    expect(rig.open(req, near)).toEqual({ name: "BAD_REQUEST" });
    expect(near.destroyed).toBe(false);
  });

  test("beyond maxTunnels is refused, and the next one is taken once a tunnel has ended", async () => {
    const rig = new TunnelRig("manual", { maxTunnels: 1, upgrades: "auto" });
    const first = new Tunnelled(rig);
    const [, near] = duplexPair();
    expect(rig.open(upgradeRequest(near), near)).toEqual({
      name: "FORWARD_OVERLOADED",
      context: { limit: "maxTunnels" },
      retryAfter: 1000,
    });
    first.client.destroy();
    await first.settle();
    expect(rig.open(upgradeRequest(near), near)).toBe("taken");
    expect(rig.front.refused).toHaveLength(1);
  });

  test("is refused while its node leaves, and taken again once that listens again", async () => {
    const rig = new TunnelRig();
    const tunnelled = new Tunnelled(rig);
    const left = rig.front.tunnels.leave({ deadline: 1000, each: (items, act) => items.forEach(act) });
    const [, near] = duplexPair();
    expect(rig.open(upgradeRequest(near), near)).toEqual({ name: "SERVER_DRAINING" });
    rig.front.tunnels.resume();
    await left;
    rig.front.clock.advance(1000);
    expect(rig.open(upgradeRequest(near), near)).toBe("taken");
    expect(tunnelled.client.destroyed).toBe(false);
  });

  test('is refused with upgrades: "refuse"', () => {
    const rig = new TunnelRig("manual", { maxTunnels: Infinity, upgrades: "refuse" });
    const [, near] = duplexPair();
    expect(rig.open(upgradeRequest(near), near)).toEqual({ name: "UPGRADES_REFUSED" });
  });

  describe("whose socket can be passed", () => {
    type Options = ConstructorParameters<typeof TunnelRig>[1];

    /** Takes a handshake at a node that passes sockets. */
    async function pass(end: "taken" | "missed" | "lost", options?: Options, before = (_rig: TunnelRig) => {}) {
      const asked: string[] = [];
      const passer: SocketPasser = {
        canHandOver: (_req, _socket): _socket is Socket => true,
        handOver(tag, _req, _socket, head) {
          asked.push(`${tag} ${head.toString()}`);
          return Promise.resolve(end);
        },
      };
      const rig = new TunnelRig("manual", options, passer);
      const [, near] = duplexPair();
      expect(rig.open(upgradeRequest(near), near, Buffer.from("first"))).toBe("taken");
      before(rig);
      await turn();
      const { passed, opened } = rig.front.tunnels.stats;
      return { rig, asked, passed, opened };
    }

    test("is not tunnelled", async () => {
      expect(await pass("taken")).toMatchObject({ asked: ["BBBB first"], passed: 1, opened: 0 });
      expect(await pass("lost")).toMatchObject({ passed: 0, opened: 0 });
    });

    test('is tunnelled with upgrades: "tunnel"', async () => {
      const options = { maxTunnels: Infinity, upgrades: "tunnel" } as const;
      expect(await pass("taken", options)).toMatchObject({ asked: [], passed: 0, opened: 1 });
    });

    test("is tunnelled if the process can't take it", async () => {
      const { rig, opened } = await pass("missed");
      expect(opened).toBe(1);
      rig.settle();
      expect(rig.owner.arrivals[0]!.head.toString()).toBe("first");
    });

    test("is closed if the passing fails", async () => {
      const passer: SocketPasser = {
        canHandOver: (_req, _socket): _socket is Socket => true,
        handOver: () => Promise.reject(new Error("the channel is closed")),
      };
      const rig = new TunnelRig("manual", undefined, passer);
      const [, near] = duplexPair();
      expect(rig.open(upgradeRequest(near), near)).toBe("taken");
      await turn();
      expect(near.destroyed).toBe(true);
      expect(rig.front.tunnels.stats).toMatchObject({ fronts: 0, opened: 0, passed: 0 });
    });

    test("is refused if the process can't take it, and there are maxTunnels", async () => {
      const { rig } = await pass("missed", { maxTunnels: 0, upgrades: "auto" });
      expect(rig.front.answered).toEqual(["FORWARD_OVERLOADED"]);
    });

    test("returns to the engine if the process can't take it, and its link has closed", async () => {
      const { rig } = await pass("missed", undefined, ({ front }) => front.link.close("gone"));
      expect(rig.front.answered).toEqual(["again"]);
    });
  });
});

describe("bytes", () => {
  const TEXT = "0123456789abcdef";

  test("arrive in order, however they are split", async () => {
    for (let at = 0; at <= TEXT.length; at++) {
      const tunnel = new Tunnelled().read("client", "owner");
      for (const part of [TEXT.slice(0, at), TEXT.slice(at)]) {
        tunnel.client.write(part);
        tunnel.owner.write(part);
        await tunnel.settle();
      }
      expect(tunnel.atOwner.toString()).toBe(TEXT);
      expect(tunnel.atClient.toString()).toBe(TEXT);
    }
  });

  test("that are written in one turn are sent as one frame", async () => {
    const tunnel = new Tunnelled().read("client");
    tunnel.owner.cork();
    for (const part of TEXT) tunnel.owner.write(part);
    tunnel.owner.uncork();
    await tunnel.settle();
    expect(tunnel.atClient.toString()).toBe(TEXT);
    expect(tunnel.rig.owner.link.sent).toEqual(["DATA"]);
  });

  test("of an empty write make no frame, and the write is done", async () => {
    const tunnel = new Tunnelled().read("client");
    const done: string[] = [];
    tunnel.owner.write("", () => done.push("one"));
    tunnel.owner.cork();
    tunnel.owner.write("", () => done.push("two"));
    tunnel.owner.write("", () => done.push("three"));
    tunnel.owner.uncork();
    await tunnel.settle();
    expect(done).toEqual(["one", "two", "three"]);
    expect(tunnel.rig.owner.link.sent).toEqual([]);
  });

  test("come back unchanged, for random sizes and pauses", async () => {
    const random = new Random(20);
    for (let round = 0; round < 20; round++) {
      const tunnel = new Tunnelled().read("client", "owner");
      const sent = { client: [] as Buffer[], owner: [] as Buffer[] };
      for (let step = 0; step < 30; step++) {
        const side = random.pick(["client", "owner"] as const);
        const bytes = random.bytes(random.below(random.pick([10, 1000, 100_000])));
        sent[side].push(bytes);
        tunnel[side].write(bytes);
        const link = random.pick([tunnel.rig.front.link, tunnel.rig.owner.link]);
        if (random.below(3) === 0) link.deliver(random.below(4));
        if (random.below(4) === 0) random.pick([tunnel.client, tunnel.owner]).pause();
        if (random.below(4) === 0) await turn();
        if (random.below(3) === 0) random.pick([tunnel.client, tunnel.owner]).resume();
      }
      tunnel.client.resume();
      tunnel.owner.resume();
      tunnel.client.end();
      tunnel.owner.end();
      await tunnel.settle();
      expect(tunnel.atOwner.equals(Buffer.concat(sent.client))).toBe(true);
      expect(tunnel.atClient.equals(Buffer.concat(sent.owner))).toBe(true);
      expect(tunnel.left).toEqual(NOTHING);
    }
  });
});

describe("a slow reader", () => {
  const MEGABYTE = Buffer.alloc(1_048_576, "x");
  /** The streams in memory keep this much on their way. */
  const SLACK = 200_000;

  test("a client: the owner's socket reports its queue, and credit bounds the queue of the front", async () => {
    const tunnel = new Tunnelled();
    let isWritten = false;
    tunnel.owner.write(MEGABYTE, () => (isWritten = true));
    await tunnel.settle();
    expect(isWritten).toBe(false);
    expect(tunnel.owner.writableLength).toBe(MEGABYTE.length);
    expect(tunnel.near.writableLength).toBeLessThanOrEqual(WINDOW);
    tunnel.read("client");
    await tunnel.settle();
    expect(isWritten).toBe(true);
    expect(tunnel.owner.writableLength).toBe(0);
    expect(tunnel.atClient.equals(MEGABYTE)).toBe(true);
  });

  test("an owner: the front stops reading", async () => {
    const tunnel = new Tunnelled();
    for (let i = 0; i < 16; i++) tunnel.client.write(MEGABYTE.subarray(0, 65_536));
    await tunnel.settle();
    expect(tunnel.owner.readableLength).toBe(WINDOW);
    expect(tunnel.near.isPaused()).toBe(true);
    expect(tunnel.client.writableLength).toBeGreaterThan(MEGABYTE.length - WINDOW - SLACK);
    tunnel.read("owner");
    await tunnel.settle();
    expect(tunnel.atOwner.equals(MEGABYTE)).toBe(true);
  });

  test("the end of a client comes after its bytes, even if it is known before they can be sent", async () => {
    const tunnel = new Tunnelled();
    tunnel.client.end(MEGABYTE.subarray(0, WINDOW + 1000));
    await tunnel.settle();
    expect(tunnel.rig.front.link.sent).not.toContain("FIN");
    tunnel.read("owner");
    await tunnel.settle();
    expect(tunnel.atOwner).toHaveLength(WINDOW + 1000);
    expect(tunnel.owner.readableEnded).toBe(true);
  });

  test("a link: both ends stop, and go on when it drains", async () => {
    const tunnel = new Tunnelled().read("client", "owner");
    const { front, owner } = tunnel.rig;
    for (const node of [front, owner]) {
      node.link.hold();
      for (let i = 0; i < 5; i++) node.streams.send(encodeFrame("MESSAGE", 0, MEGABYTE));
    }
    const [atFront, atOwner] = [front.link.queuedBytes, owner.link.queuedBytes];
    tunnel.client.write("from the client");
    tunnel.client.write(MEGABYTE.subarray(0, 65_536));
    tunnel.owner.write("from the owner");
    await tunnel.settle();
    expect(front.link.queuedBytes).toBe(atFront);
    expect(owner.link.queuedBytes).toBe(atOwner);
    for (const node of [front, owner]) {
      node.link.observer.onFrame = (_link, frame) => frame.type === "MESSAGE" || node.streams.onFrame(frame);
    }
    for (const node of [front, owner]) node.link.release();
    await tunnel.settle();
    expect(tunnel.atOwner).toHaveLength(15 + 65_536);
    expect(tunnel.atClient.toString()).toBe("from the owner");
  });

  test("a credit of each message would cost too much: small messages return it in portions", async () => {
    const tunnel = new Tunnelled().read("client", "owner");
    for (let i = 0; i < 1000; i++) {
      tunnel.client.write(MEGABYTE.subarray(0, 100));
      await turn();
      tunnel.rig.settle();
    }
    expect(tunnel.rig.owner.link.sent).toEqual(["CREDIT"]);
  });
});

describe("the end", () => {
  const EVENTS = {
    "the client ends": ({ client }: Tunnelled) => void client.end(),
    "the client is cut": ({ client }: Tunnelled) => void client.destroy(),
    "the client's connection fails": ({ near }: Tunnelled) => void near.destroy(new Error("reset")),
    "the owner ends": ({ owner }: Tunnelled) => void owner.end(),
    "the owner is cut": ({ owner }: Tunnelled) => void owner.destroy(),
    "the owner ends and is cut": ({ owner }: Tunnelled) => owner.destroySoon(),
    "the link closes": ({ rig }: Tunnelled) => rig.front.link.close("cut"),
  };
  type Event = keyof typeof EVENTS;
  const NAMES = Object.keys(EVENTS) as Event[];
  const isHalf = (event: Event): boolean => event === "the client ends" || event === "the owner ends";

  for (const first of NAMES) {
    for (const second of NAMES) {
      test.each(["at once", "later"])(`${first}, and %s ${second}: nothing is left`, async (when) => {
        const tunnel = new Tunnelled().read("client", "owner");
        tunnel.client.write("from the client");
        tunnel.owner.write("from the owner");
        EVENTS[first](tunnel);
        if (when === "later") await tunnel.settle();
        EVENTS[second](tunnel);
        await tunnel.settle();
        // One direction is still open if only the other has ended.
        if (first === second && isHalf(first))
          EVENTS[first === "the client ends" ? "the owner ends" : "the client ends"](tunnel);
        await tunnel.settle();
        expect(tunnel.left).toEqual(NOTHING);
        expect(tunnel.near.destroyed).toBe(true);
        expect(tunnel.owner.destroyed).toBe(true);
        expect([...tunnel.rig.front.link.failures, ...tunnel.rig.owner.link.failures]).toEqual([]);
      });
    }
  }

  test("of one direction lets the other go on", async () => {
    const tunnel = new Tunnelled().read("client", "owner");
    tunnel.client.end("last words");
    await tunnel.settle();
    expect(tunnel.owner.readableEnded).toBe(true);
    tunnel.owner.write("an answer");
    await tunnel.settle();
    expect(tunnel.atClient.toString()).toBe("an answer");
    expect(tunnel.owner.destroyed).toBe(false);
    tunnel.owner.end();
    await tunnel.settle();
    expect(tunnel.left).toEqual(NOTHING);
  });

  test("a client that fails is an error at the owner, and a client that closes is not", async () => {
    for (const [error, code] of [
      [new Error("reset"), "ECONNRESET"],
      [undefined, undefined],
    ] as const) {
      const tunnel = new Tunnelled();
      const errors: (string | undefined)[] = [];
      tunnel.owner.on("error", (failure: NodeJS.ErrnoException) => errors.push(failure.code));
      tunnel.near.destroy(error);
      await tunnel.settle();
      expect(tunnel.owner.destroyed).toBe(true);
      expect(errors).toEqual(code === undefined ? [] : [code]);
    }
  });

  test("a link that closes is an error at the owner, at once", () => {
    const tunnel = new Tunnelled();
    tunnel.rig.owner.link.close("silent");
    expect(tunnel.owner.errored).toMatchObject({ code: "ECONNRESET" });
    expect(tunnel.near.destroyed).toBe(true);
  });

  test("a write under way is reported as failed", async () => {
    const tunnel = new Tunnelled();
    const results: unknown[] = [];
    tunnel.owner.write(Buffer.alloc(1_000_000), (error) => results.push(error));
    await tunnel.settle();
    tunnel.client.destroy();
    await tunnel.settle();
    expect(results).toEqual([expect.any(Error)]);
  });

  test("a slow client still gets what the owner sent before it closed", async () => {
    const tunnel = new Tunnelled();
    const bytes = Buffer.alloc(200_000, "x");
    tunnel.owner.write(bytes);
    tunnel.owner.destroySoon();
    await tunnel.settle();
    expect(tunnel.rig.front.left).toMatchObject({ fronts: 0, streams: 0, timers: 1 });
    tunnel.read("client");
    await tunnel.settle();
    expect(tunnel.atClient.equals(bytes)).toBe(true);
    expect(tunnel.near.destroyed).toBe(true);
    expect(tunnel.left).toEqual(NOTHING);
  });

  test("a client that never reads the last bytes is cut", async () => {
    for (const half of ["", "the client has ended"]) {
      const tunnel = new Tunnelled().read("owner");
      if (half) tunnel.client.end();
      await tunnel.settle();
      tunnel.owner.write(Buffer.alloc(200_000));
      if (half) tunnel.owner.end();
      else tunnel.owner.destroySoon();
      await tunnel.settle();
      expect(tunnel.near.destroyed).toBe(false);
      tunnel.rig.front.clock.advance(30_000);
      await tunnel.settle();
      expect(tunnel.near.destroyed).toBe(true);
      expect(tunnel.left).toEqual(NOTHING);
    }
  });
});

describe("a peer that breaks the rules loses the link", () => {
  const OWNER_BIT = 0x8000_0000;
  const send = (rig: TunnelRig, type: FrameName, stream: number, body: Buffer = Buffer.alloc(0)): void => {
    const from = stream >= OWNER_BIT ? rig.owner : rig.front;
    from.link.send(encodeFrame(type, stream, body));
    rig.settle();
  };
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const STREAMS = [1, OWNER_BIT + 1];

  test.each<[string, FrameName, Buffer]>([
    ["a credit that was not spent", "CREDIT", number(1)],
    ["a credit of nothing", "CREDIT", number(0)],
    ["half a credit", "CREDIT", Buffer.alloc(2)],
    ["too long a frame", "DATA", Buffer.alloc(65_537)],
    ["an answer", "ANSWER", Buffer.alloc(0)],
  ])("%s", (_what, type, body) => {
    for (const stream of STREAMS) {
      const { rig } = new Tunnelled();
      send(rig, type, stream, body);
      expect([...rig.front.link.failures, ...rig.owner.link.failures]).toHaveLength(1);
      expect(rig.front.left).toEqual(NOTHING_LEFT);
      expect(rig.owner.left).toEqual(NOTHING_LEFT);
    }
  });

  test("more bytes than the credit", () => {
    for (const stream of STREAMS) {
      const { rig } = new Tunnelled();
      for (let i = 0; i < 5 && !rig.front.link.isClosed; i++) send(rig, "DATA", stream, Buffer.alloc(65_536));
      expect([...rig.front.link.failures, ...rig.owner.link.failures]).toEqual(["more bytes than its credit"]);
    }
  });

  test.each(["DATA", "FIN"] as const)("%s after FIN", (type) => {
    for (const stream of STREAMS) {
      const { rig } = new Tunnelled();
      send(rig, "FIN", stream);
      send(rig, type, stream);
      expect([...rig.front.link.failures, ...rig.owner.link.failures]).toHaveLength(1);
    }
  });

  test("a malformed handshake", () => {
    for (const body of [Buffer.alloc(0), number(100), Buffer.concat([number(3), Buffer.from("a\nb")])]) {
      const rig = new TunnelRig();
      send(rig, "UPGRADE", 1, body);
      expect(rig.owner.link.failures).toEqual(["a malformed UPGRADE"]);
    }
  });
});

describe("a front that leaves", () => {
  const open = (count: number) => {
    const rig = new TunnelRig();
    return { rig, tunnels: Array.from({ length: count }, () => new Tunnelled(rig)) };
  };

  test("asks the owners to move its clients, and is done when they have gone", async () => {
    const { rig, tunnels } = open(1);
    let isDone = false;
    void rig.front.tunnels
      .leave(paceOf(rig.front.clock, { deadline: 5000, rate: Infinity }))
      .then(() => (isDone = true));
    rig.settle();
    expect(rig.owner.released).toEqual([["AAAA0", tunnels[0]!.owner]]);
    await tunnels[0]!.settle();
    expect(isDone).toBe(false);
    tunnels[0]!.read("client").owner.destroySoon();
    await tunnels[0]!.settle();
    expect(isDone).toBe(true);
    expect(tunnels[0]!.left).toEqual(NOTHING);
  });

  test("does so in groups, spread over the time", () => {
    const { rig } = open(10);
    void rig.front.tunnels.leave(paceOf(rig.front.clock, { deadline: 5000, rate: 10 }));
    const counts: number[] = [];
    for (let step = 0; step < 10; step++) {
      rig.settle();
      counts.push(rig.owner.released.length);
      rig.front.clock.advance(100);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("cuts the rest at the deadline", async () => {
    const { rig, tunnels } = open(3);
    const done = rig.front.tunnels.leave(paceOf(rig.front.clock, { deadline: 5000, rate: Infinity }));
    rig.front.clock.advance(5000);
    await tunnels[0]!.settle();
    await done;
    expect(tunnels.every(({ owner, near }) => owner.destroyed && near.destroyed)).toBe(true);
    expect(tunnels[0]!.left).toEqual(NOTHING);
  });

  test("is done at once without tunnels, and opens no more", async () => {
    const rig = new TunnelRig();
    await rig.front.tunnels.leave(paceOf(rig.front.clock, {}));
    const [, near] = duplexPair();
    expect(rig.open(upgradeRequest(near), near)).toEqual({ name: "SERVER_DRAINING" });
    expect(rig.front.left).toEqual(NOTHING_LEFT);
  });
});

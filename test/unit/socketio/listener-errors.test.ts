import type { HandlerErrorContext, Socket } from "@portage/server";
import { describe, expect, test } from "vitest";
import { InMemoryAdapter } from "../../../packages/server/src/socketio/index.ts";
import { Bench, type Peer, settle } from "./peer.ts";

// Failing functions of the program: the hook is called, and all clients are served as before.

interface Failure {
  readonly message: string;
  readonly context: HandlerErrorContext;
}

/** A server, with the calls of its hook. */
class FailingBench extends Bench {
  readonly failures: Failure[] = [];

  constructor(options: ConstructorParameters<typeof Bench>[0] = {}) {
    super(options);
    this.io.on("handler_error", (error, context) => {
      this.failures.push({ message: (error as Error).message, context });
    });
  }

  /** The calls of the hook, in short. */
  get told(): unknown[] {
    return this.failures.map(({ message, context: { handler, how, event, socket, namespace } }) => [
      message,
      handler,
      how,
      event,
      socket?.id,
      namespace?.name,
    ]);
  }
}

type Place = (options: { bench: FailingBench; socket: Socket; peer: Peer; fail: () => unknown }) => unknown;

/** Where a socket's handler may be, and how it comes to be called. */
const PLACES: Array<[string, string, string | undefined, Place]> = [
  ["of an event", "listener", "a", ({ socket, peer, fail }) => (socket.on("a", fail), peer.say('2["a"]'))],
  ["onAny", "listener", "a", ({ socket, peer, fail }) => (socket.onAny(fail), peer.say('2["a"]'))],
  ["onAnyOutgoing", "listener", "b", ({ socket, fail }) => socket.onAnyOutgoing(fail).emit("b")],
  [
    "of a broadcast",
    "listener",
    "b",
    ({ bench, socket, fail }) => (socket.onAnyOutgoing(fail), bench.io.to(socket.id).emit("b")),
  ],
  ["of errors", "listener", "error", ({ socket, peer, fail }) => (socket.on("error", fail), peer.say('2["error"]'))],
  ["disconnecting", "listener", "disconnecting", ({ socket, fail }) => socket.on("disconnecting", fail).disconnect()],
  ["disconnect", "listener", "disconnect", ({ socket, peer, fail }) => (socket.on("disconnect", fail), peer.say("1"))],
  [
    "acknowledgement",
    "acknowledgement",
    undefined,
    ({ socket, peer, fail }) => (socket.emit("q", fail), peer.say("30[]")),
  ],
  [
    "acknowledgement in time",
    "acknowledgement",
    undefined,
    ({ socket, peer, fail }) => (socket.timeout(100).emit("q", fail), peer.say("30[]")),
  ],
  [
    "acknowledgement too late",
    "acknowledgement",
    undefined,
    ({ bench, socket, fail }) => (socket.timeout(100).emit("q", fail), bench.clock.advance(100)),
  ],
  [
    "middleware of a socket",
    "socket middleware",
    "a",
    ({ socket, peer, fail }) => (socket.use(fail as never), peer.say('2["a"]')),
  ],
  [
    "a replaced onevent",
    "listener",
    "a",
    ({ socket, peer, fail }) => {
      Object.assign(socket, { onevent: fail });
      return peer.say('2["a"]');
    },
  ],
];

const WAYS: Array<["thrown" | "rejected", () => unknown]> = [
  [
    "thrown",
    () => {
      throw new Error("a bug");
    },
  ],
  ["rejected", async () => Promise.reject(new Error("a bug"))],
];

for (const [how, fail] of WAYS) {
  describe(`a failure that is ${how}`, () => {
    const places = PLACES.filter(([name]) => how === "thrown" || name !== "a replaced onevent");
    test.each(places)("in a listener: %s", async (_name, handler, event, call) => {
      const bench = new FailingBench();
      const other = await bench.join();
      const { peer, socket } = await bench.join();
      await call({ bench, socket, peer, fail });
      await settle();
      expect(bench.told).toEqual([["a bug", handler, how, event, socket.id, "/"]]);
      other.socket.emit("still here");
      expect((await other.peer.hear()).at(-1)).toBe('2["still here"]');
      expect(peer.isConnected && other.peer.isConnected).toBe(true);
    });

    test("of `connection` leaves the client connected", async () => {
      const bench = new FailingBench();
      bench.io.on("connection", fail);
      const { peer, socket } = await bench.join();
      await settle();
      expect(bench.told).toEqual([["a bug", "listener", how, "connection", socket.id, "/"]]);
      expect(socket.connected).toBe(true);
      expect(peer.isConnected).toBe(true);
    });

    test("of a listener of the cluster", async () => {
      const bench = new FailingBench();
      bench.io.on("from afar", fail);
      bench.io.of("/")._onServerSideEmit(["from afar"]);
      await settle();
      expect(bench.told).toEqual([["a bug", "listener", how, "from afar", undefined, "/"]]);
    });

    test("of a socket's middleware drops the event, and calls the socket's error listeners", async () => {
      const bench = new FailingBench();
      const { peer, socket } = await bench.join();
      const seen: string[] = [];
      socket.use(([name]) => (name === "a" ? (fail() as never) : undefined));
      socket.onAny((name: string) => seen.push(`any ${name}`));
      socket.on("error", ({ message }: Error) => seen.push(message));
      socket.on("a", () => seen.push("must not run"));
      await peer.say('2["a"]');
      expect(seen).toEqual(["any a", "a bug"]);
      expect(bench.told).toHaveLength(1);
    });

    test("of a namespace's middleware refuses the client", async () => {
      const bench = new FailingBench();
      bench.io.use(fail as never);
      const peer = bench.peer();
      await peer.say("0");
      expect(await peer.hear()).toEqual(['4{"message":"Internal server error"}']);
      const [{ context }] = bench.failures as [Failure];
      expect(context).toMatchObject({ handler: "namespace middleware", how, namespace: bench.io.sockets });
      expect(context.socket?.connected).toBe(false);
      expect(bench.io.sockets._preConnectSockets.size).toBe(0);
    });

    test("of a namespace function refuses the client", async () => {
      const bench = new FailingBench();
      bench.io.of(fail);
      const peer = bench.peer();
      await peer.say("0/x,");
      expect(await peer.hear()).toEqual(['4/x,{"message":"Invalid namespace"}']);
      expect(bench.told).toEqual([["a bug", "namespace function", how, undefined, undefined, undefined]]);
    });

    test("of the callback of a broadcast", async () => {
      const bench = new FailingBench();
      const { peer } = await bench.join();
      bench.io.timeout(100).emit("q", fail);
      await peer.say('30["yes"]');
      bench.io.timeout(100).emit("q", fail);
      bench.clock.advance(100);
      await settle();
      expect(bench.told).toEqual([1, 2].map(() => ["a bug", "acknowledgement", how, undefined, undefined, "/"]));
    });

    test("of an adapter's methods", async () => {
      class Failing extends InMemoryAdapter {
        override init = fail as never;
        override addAll = fail as never;
        override delAll = fail as never;
        override close = fail as never;
      }
      const bench = new FailingBench();
      bench.io.of("/broken").on("connection", () => {});
      bench.io.of("/fine");
      const fine = await bench.join("/fine");
      bench.io.of("/broken").adapter = new Failing(bench.io.of("/broken"));
      const peer = bench.peer();
      await peer.say("0/broken,", "0/fine,");
      const answers = await peer.hear();
      // An adapter that fails after a late answer can't undo the acknowledgement.
      const refused = '4/broken,{"message":"Internal server error"}';
      expect(answers.includes(refused)).toBe(how === "thrown");
      await peer.say("1/broken,", "1/fine,");
      expect(fine.peer.isConnected && peer.isConnected).toBe(true);
      await bench.io.close();
      await settle();
      expect(new Set(bench.failures.map(({ context: { namespace } }) => namespace?.name))).toEqual(
        new Set(["/broken"]),
      );
      expect(bench.failures.length).toBeGreaterThanOrEqual(3);
    });
  });
}

test("an adapter that fails while the server is made: the hook comes in time", async () => {
  class Failing extends InMemoryAdapter {
    override init(): never {
      throw new Error("no bus");
    }
  }
  const bench = new FailingBench({ adapter: Failing });
  await settle();
  expect(bench.told).toEqual([["no bus", "adapter", "thrown", undefined, undefined, "/"]]);
});

describe("a parser that throws", () => {
  const parser = {
    Encoder: class {
      encode(packet: { type: number; data?: unknown }): string[] {
        if (packet.type === 0 && failsAt === "connect") throw new Error("can't encode");
        if (packet.type === 4 && failsAt === "connect") throw new Error("can't encode that either");
        return [`${packet.type}${packet.data === undefined ? "" : JSON.stringify(packet.data)}`];
      }
    },
    Decoder: class {
      #decoded: (packet: object) => void = () => {};
      on(_event: string, listener: (packet: object) => void): void {
        this.#decoded = listener;
      }
      add(text: string): void {
        const data: unknown = text.length > 1 ? JSON.parse(text.slice(1)) : undefined;
        this.#decoded({ type: Number(text[0]), nsp: "/", data });
      }
      destroy(): void {}
    },
  };
  let failsAt = "nowhere";

  test("when a client is accepted: the connection ends", async () => {
    const bench = new FailingBench({ parser });
    failsAt = "connect";
    const peer = bench.peer();
    await peer.say("0");
    expect(bench.told).toEqual([["can't encode", "connecting", "thrown", undefined, undefined, "/"]]);
    expect(peer.isConnected).toBe(false);
    expect(bench.io.sockets.sockets.size).toBe(0);
    failsAt = "nowhere";
    const other = bench.peer();
    await other.say("0");
    expect(bench.io.sockets.sockets.size).toBe(1);
  });

  test("when an event is sent: that is an exception of the listener that sends", async () => {
    const bench = new FailingBench({ parser });
    bench.io.on("connection", (socket) => {
      socket.on("loop", () => {
        const circular: { self?: object } = {};
        circular.self = circular;
        socket.emit("never", circular);
      });
    });
    const peer = bench.peer();
    await peer.say("0");
    await peer.say('2["loop"]');
    expect(bench.failures.map(({ context }) => [context.handler, context.event])).toEqual([["listener", "loop"]]);
    expect(peer.isConnected).toBe(true);
  });
});

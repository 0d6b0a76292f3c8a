import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import type {
  BroadcastAnswers,
  BroadcastLook,
  PacketLook,
  PacketProbe,
} from "../../../packages/server/src/socketio/probe.ts";
import { observeServer } from "../../../packages/server/src/socketio/probe.ts";
import { Bench } from "./peer.ts";

/** Looks at everything, or at one in so many. */
class Recorder implements PacketProbe {
  left: number;
  deliveriesLeft = 1;
  readonly #stride: number;
  readonly seen: unknown[] = [];
  readonly broadcasts: BroadcastLook[] = [];
  readonly asking: BroadcastAnswers[] = [];
  readonly passed: number[] = [];
  readonly handled: number[] = [];
  readonly answered: number[] = [];

  constructor(stride = 1) {
    this.left = this.#stride = stride;
  }

  readonly #follower = {
    begins: () => undefined,
    passed: (ms: number) => void this.passed.push(ms),
    handled: (ms: number) => void this.handled.push(ms),
    answered: (ms: number) => void this.answered.push(ms),
  };

  received({ namespace, event, size }: PacketLook) {
    this.left = this.#stride;
    this.seen.push(["in", namespace, event, size]);
    return this.#follower;
  }

  sent({ namespace, event, size }: PacketLook) {
    this.left = this.#stride;
    this.seen.push(["out", namespace, event, size]);
    return this.#follower;
  }

  broadcast(look: BroadcastLook, answers?: BroadcastAnswers) {
    this.deliveriesLeft = 1;
    this.broadcasts.push(look);
    if (answers !== undefined) this.asking.push(answers);
    return this.#follower;
  }
}

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("a probe", () => {
  test("sees events of both directions, acknowledgements, and their sizes", async () => {
    const bench = new Bench();
    bench.io.of("/chat");
    const { peer, socket } = await bench.join("/chat");
    const probe = new Recorder();
    const end = observeServer(bench.io, probe);
    socket.on("ask", (_text: string, done: (answer: number) => void) => done(1));
    await peer.say('2/chat,7["ask","hi"]');
    socket.emit("news", "x");
    await peer.say('51-/chat,["bytes",{"_placeholder":true,"num":0}]', Buffer.alloc(100));
    expect(probe.seen).toEqual([
      ["in", "/chat", "ask", 20],
      ["out", "/chat", undefined, 11],
      ["out", "/chat", "news", 19],
      ["in", "/chat", "bytes", 100],
    ]);
    end();
    socket.emit("news", "y");
    expect(probe.seen).toHaveLength(4);
  });

  test("looks at one packet in so many", async () => {
    const bench = new Bench();
    const { peer } = await bench.join();
    const probe = new Recorder(10);
    observeServer(bench.io, probe);
    for (let i = 0; i < 100; i++) await peer.say(`2["event ${i}"]`);
    expect(probe.seen.map((look) => (look as string[])[2])).toEqual(
      Array.from({ length: 10 }, (_, i) => `event ${i * 10 + 9}`),
    );
  });

  test("measures the time of listeners and of acknowledgements, which arrive as without it", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const probe = new Recorder();
    observeServer(bench.io, probe);
    socket.use((_event, next) => next());
    socket.on("slow", (done: (answer: string) => void) => {
      busyFor(5);
      done("own");
    });
    await peer.say('21["slow"]', '2["fast"]');
    expect(probe.handled).toHaveLength(2);
    expect(probe.handled[0]).toBeGreaterThanOrEqual(5);
    expect(probe.handled[1]).toBeLessThan(5);
    expect(probe.answered).toHaveLength(1);
    const answers: unknown[] = [];
    socket.timeout(1000).emit("question", (error: unknown, answer: unknown) => answers.push(error, answer));
    await peer.say('30["fine"]');
    expect(answers).toEqual([null, "fine"]);
    expect(probe.answered).toHaveLength(2);
    expect(socket.acks.size).toBe(0);
    expect(await peer.hear()).toEqual(['31["own"]', '20["question"]']);
  });

  test("measures the time of middlewares, and of listeners to all events", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const probe = new Recorder();
    observeServer(bench.io, probe);
    socket.use((_event, next) => {
      busyFor(5);
      next();
    });
    socket.onAny(() => busyFor(5));
    await peer.say('2["news"]');
    expect(probe.passed[0]! + probe.handled[0]!).toBeGreaterThanOrEqual(10);
  });

  test("does not measure an event that a middleware holds", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const probe = new Recorder();
    observeServer(bench.io, probe);
    const seen: string[] = [];
    socket.use((_event, next) => setImmediate(next));
    socket.on("late", () => seen.push("late"));
    await peer.say('2["late"]');
    await peer.hear();
    expect(seen).toEqual(["late"]);
    expect(probe.handled).toEqual([]);
  });

  test("keeps the key of an event that the client repeats", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    observeServer(bench.io, new Recorder());
    const keys: unknown[] = [];
    socket.on("order", (done: () => void) => keys.push(socket.dedupKey(done)));
    await peer.say('21["order"]');
    expect(keys).toEqual([undefined]);
  });

  test("follows the acknowledgements of a broadcast, which arrive as without it", async () => {
    const bench = new Bench();
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => bench.join()));
    const probe = new Recorder();
    observeServer(bench.io, probe);
    bench.io.emit("news");
    const answers = bench.io.timeout(1000).emitWithAck("ready?");
    expect(probe.asking).toMatchObject([{ asked: 3, answered: 0 }]);
    for (const { peer } of [first!, second!]) await peer.say('30["yes"]');
    expect(probe.asking).toMatchObject([{ asked: 3, answered: 2 }]);
    expect(probe.answered).toHaveLength(2);
    await third!.peer.say('30["no"]');
    expect(await answers).toEqual(["yes", "yes", "no"]);
  });

  test("sees broadcasts with rooms and receivers, and counts one delivery for each receiver", async () => {
    const bench = new Bench();
    const sockets = await Promise.all([1, 2, 3].map(() => bench.join()));
    for (const { socket } of sockets.slice(1)) void socket.join("lobby");
    const probe = new Recorder();
    probe.deliveriesLeft = 5;
    observeServer(bench.io, probe);
    bench.io.to("lobby").emit("a", 1);
    expect(probe.deliveriesLeft).toBe(3);
    bench.io.emit("b", 1);
    bench.io.to("empty room").emit("c");
    bench.io
      .to("lobby")
      .timeout(5)
      .emit("d", () => undefined);
    expect(probe.broadcasts.map(({ event, receivers, rooms, size }) => [event, receivers, [...rooms], size])).toEqual([
      ["b", 3, [], 8],
      ["d", 2, ["lobby"], 7],
    ]);
  });

  test("sees an event for one socket of a server with recovery as a packet, not as a broadcast", async () => {
    const bench = new Bench({ connectionStateRecovery: {} });
    const { peer, socket } = await bench.join();
    const probe = new Recorder();
    observeServer(bench.io, probe);
    socket.emit("news", () => undefined);
    await peer.say("30[]");
    expect(probe.seen[0]).toEqual(["out", "/", "news", expect.any(Number)]);
    expect(probe.broadcasts).toEqual([]);
    expect(probe.answered).toHaveLength(1);
  });
});

describe("diagnostics channels", () => {
  const heard: unknown[][] = [];
  const subscriptions: Array<[string, (message: unknown) => void]> = [];
  const hear = (name: string, pick: (message: never) => unknown): void => {
    const listener = (message: unknown): void => void heard.push([name, pick(message as never)]);
    subscriptions.push([name, listener]);
    subscribe(`portage.${name}`, listener);
  };

  afterEach(() => {
    for (const [name, listener] of subscriptions.splice(0)) unsubscribe(`portage.${name}`, listener);
    heard.length = 0;
  });

  test("carry joins, leaves and refusals of namespaces", async () => {
    const bench = new Bench();
    hear("namespace.join", ({ socket, namespace }: { socket: { connected: boolean }; namespace: string }) => [
      namespace,
      socket.connected,
    ]);
    hear("namespace.leave", ({ namespace, reason }: { namespace: string; reason: { code: string } }) => [
      namespace,
      reason.code,
    ]);
    hear("namespace.refused", ({ code, server }: { code: string; server: unknown }) => [code, server === bench.io]);
    bench.io.of("/a").use((_socket, next) => next());
    const { peer } = await bench.join("/a");
    await peer.say("0/missing,");
    await peer.say("1/a,");
    expect(heard).toEqual([
      ["namespace.join", ["/a", true]],
      ["namespace.refused", ["UNKNOWN_NAMESPACE", true]],
      ["namespace.leave", ["/a", "CLIENT_LEFT"]],
    ]);
  });

  test("carry errors of the program's functions, and recovery", async () => {
    const bench = new Bench({ connectionStateRecovery: {} });
    hear("handler_error", ({ server, context }: { server: unknown; context: { event: string } }) => [
      server === bench.io,
      context.event,
    ]);
    hear("recovery", ({ namespace, code }: { namespace: string; code: string }) => [namespace, code]);
    bench.io.on("handler_error", () => undefined);
    const { peer, socket } = await bench.join();
    socket.on("bad", () => {
      throw new Error("mine");
    });
    await peer.say('2["bad"]');
    await bench.peer().say('0{"pid":"other","offset":"x"}');
    expect(heard).toEqual([
      ["handler_error", [true, "bad"]],
      ["recovery", ["/", "RECOVERY_SESSION_UNKNOWN"]],
    ]);
  });
});

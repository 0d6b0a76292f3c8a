import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import { Bench, settle } from "./peer.ts";

type Message = Record<string, unknown> & { error?: unknown; promises?: number; enter?: (run: () => void) => void };
type Seen = [phase: string, message: Message][];

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0)) each();
});

/** Records the messages of a channel. `onStart` acts as a tracer. */
function record(name: string, onStart: (message: Message) => void = () => {}): Seen {
  const seen: Seen = [];
  const phases = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;
  const subscribers = Object.fromEntries(
    phases.map((phase) => [
      phase,
      (message: Message) => {
        seen.push([phase, message]);
        if (phase === "start") onStart(message);
      },
    ]),
  );
  const channel = tracingChannel<Message, Message>(name);
  channel.subscribe(subscribers as never);
  undo.push(() => channel.unsubscribe(subscribers as never));
  return seen;
}

const phasesOf = (seen: Seen): string[] => seen.map(([phase]) => phase);

describe("the channel portage.event", () => {
  test("surrounds the listeners of an event, and says what came with it", async () => {
    const seen = record("portage.event");
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const order: string[] = [];
    socket.on("chat", (_text, done) => {
      order.push(...phasesOf(seen), "listener");
      done();
    });
    await peer.say('27["chat","hi"]');
    expect(order).toEqual(["start", "listener"]);
    expect(phasesOf(seen)).toEqual(["start", "end"]);
    expect(seen[0]![1]).toMatchObject({ socket, event: "chat", size: 15, ack: true, traceparent: undefined });
    expect(await peer.hear()).toEqual(["37[]"]);
  });

  test("goes on until all promises of listeners have settled", async () => {
    const seen = record("portage.event");
    const { peer, socket } = await new Bench().join();
    const gates: (() => void)[] = [];
    for (let i = 0; i < 2; i++) socket.on("work", () => new Promise<void>((resolve) => gates.push(resolve)));
    await peer.say('2["work"]');
    gates[1]!();
    await settle();
    expect(phasesOf(seen)).toEqual(["start", "end"]);
    expect(seen[1]![1].promises).toBe(2);
    gates[0]!();
    await settle();
    expect(phasesOf(seen)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
  });

  test("reports what a listener throws or rejects with, as handler_error does", async () => {
    const seen = record("portage.event");
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const reported: unknown[] = [];
    bench.io.on("handler_error", (error, { how, event }) => reported.push([(error as Error).message, how, event]));
    socket.on("bad", () => {
      throw new Error("thrown");
    });
    socket.on("worse", () => Promise.reject(new Error("rejected")));
    await peer.say('2["bad"]', '2["worse"]');
    expect(reported).toEqual([
      ["thrown", "thrown", "bad"],
      ["rejected", "rejected", "worse"],
    ]);
    expect(phasesOf(seen)).toEqual(["start", "error", "end", "start", "end", "error", "asyncStart", "asyncEnd"]);
    expect(seen.at(-1)![1].error).toEqual(new Error("rejected"));
  });

  test("calls listeners as without it: once, in order, and none after one that throws", async () => {
    record("portage.event");
    const bench = new Bench();
    bench.io.on("handler_error", () => {});
    const { peer, socket } = await bench.join();
    const called: unknown[] = [];
    socket.once("a", (...args: unknown[]) => called.push(["once", ...args]));
    socket.on("a", function (this: unknown, ...args: unknown[]) {
      called.push(["on", this === socket, ...args]);
      throw new Error();
    });
    socket.on("a", () => called.push("too late"));
    await peer.say('2["a",1]', '2["a",2]', '2["without a listener"]');
    expect(called).toEqual([
      ["once", 1],
      ["on", true, 1],
      ["on", true, 2],
    ]);
  });

  test("has no size for a packet with attachments", async () => {
    const seen = record("portage.event");
    const { peer } = await new Bench().join();
    await peer.say('51-["b",{"_placeholder":true,"num":0}]', Buffer.from("hi"));
    expect(seen[0]![1]).toMatchObject({ event: "b", size: undefined });
  });

  test("lets a subscriber call the listeners itself", async () => {
    let inside = false;
    record("portage.event", (message) => {
      message.enter = (run) => {
        inside = true;
        run();
        inside = false;
      };
    });
    const { peer, socket } = await new Bench().join();
    const seen: boolean[] = [];
    socket.on("a", () => seen.push(inside));
    await peer.say('2["a"]');
    expect(seen).toEqual([true]);
  });
});

test("a store that is bound to the start of portage.event has its value in listeners", async () => {
  const store = new AsyncLocalStorage<Message>();
  const { start } = tracingChannel<Message, Message>("portage.event");
  start.bindStore(store);
  undo.push(() => start.unbindStore(store));
  const { peer, socket } = await new Bench().join();
  const seen: unknown[] = [];
  socket.on("a", () => seen.push(store.getStore()?.["event"]));
  await peer.say('2["a"]');
  expect(seen).toEqual(["a"]);
});

describe("the channel portage.emit", () => {
  test("surrounds each emit to one client; a broadcast sends none", async () => {
    const seen = record("portage.emit");
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.emit("news", 1);
    bench.io.emit("all");
    socket.to("room").emit("others");
    expect(phasesOf(seen)).toEqual(["start", "end"]);
    expect(seen[0]![1]).toMatchObject({ socket, event: "news", ack: false });
    expect(await peer.hear()).toEqual(['2["news",1]', '2["all"]']);
  });

  test("goes on until the acknowledgement, in the context of a subscriber", async () => {
    let inside = false;
    const seen = record("portage.emit", (message) => {
      message.enter = (run) => {
        inside = true;
        run();
        inside = false;
      };
    });
    const { peer, socket } = await new Bench().join();
    const answers: unknown[] = [];
    socket.emit("ask", (answer: unknown) => answers.push([answer, inside]));
    await peer.say('30["yes"]');
    expect(answers).toEqual([["yes", true]]);
    expect(phasesOf(seen)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
  });

  test("reports an acknowledgement that does not come in time", async () => {
    const seen = record("portage.emit");
    const bench = new Bench();
    const { socket } = await bench.join();
    const late = socket.timeout(100).emitWithAck("ask");
    bench.clock.advance(100);
    await expect(late).rejects.toMatchObject({ code: "ACK_TIMEOUT" });
    expect(phasesOf(seen)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
  });

  test("reports what can't be encoded", async () => {
    const seen = record("portage.emit");
    const { socket } = await new Bench().join();
    expect(() => socket.emit("blob", new Blob(["x"]))).toThrow();
    expect(phasesOf(seen)).toEqual(["start", "error", "end"]);
  });
});

describe("the channel portage.connect", () => {
  test("goes on from the handshake to the first namespace", async () => {
    const seen = record("portage.connect");
    const bench = new Bench();
    const peer = bench.peer();
    await settle();
    expect(phasesOf(seen)).toEqual(["start", "end"]);
    await peer.say("0", "0/admin,");
    expect(phasesOf(seen)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(seen[3]![1]["socket"]).toBe([...bench.io.of("/").sockets.values()][0]);
  });

  test("ends with the connection if no namespace is joined", async () => {
    const seen = record("portage.connect");
    const bench = new Bench();
    bench.io.use((_socket, next) => next(new Error("not you")));
    const peer = bench.peer();
    await peer.say("0");
    expect(phasesOf(seen)).toEqual(["start", "end"]);
    peer.transport.lose();
    expect(phasesOf(seen)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(seen[3]![1]).toMatchObject({ socket: undefined, reason: { code: "CONNECTION_CLOSED" } });
  });

  test("lets a subscriber run middlewares and connection listeners in its context", async () => {
    let inside = false;
    record("portage.connect", (message) => {
      message.enter = (run) => {
        inside = true;
        run();
        inside = false;
      };
    });
    const bench = new Bench();
    const seen: boolean[] = [];
    bench.io.use((_socket, next) => {
      seen.push(inside);
      next();
    });
    await bench.join();
    expect(seen).toEqual([true]);
  });
});

import type { Socket } from "@portage/server";
import { describe, expect, test, vi } from "vitest";
import { Bench, type Peer, settle } from "./peer.ts";

const RETRYING = { retries: 3 };
const RECOVERY = { connectionStateRecovery: {} };
type Acknowledge = (...args: unknown[]) => void;

/** Joins the main namespace. Returns the socket, and the secret of its session. */
async function join(bench: Bench, peer: Peer, auth: object = RETRYING): Promise<{ socket: Socket; pid: string }> {
  const joined = new Promise<Socket>((resolve) => bench.io.once("connection", resolve));
  await peer.say(`0${JSON.stringify(auth)}`);
  const answer = (await peer.hear()).map(String).find((message) => message.startsWith("0{"));
  return { socket: await joined, pid: (JSON.parse(String(answer).slice(1)) as { pid: string }).pid };
}

describe("a client that says that it repeats events", () => {
  test("is heard once and answered twice", async () => {
    const bench = new Bench();
    const peer = bench.peer();
    const { socket } = await join(bench, peer);
    const heard = vi.fn();
    const seen = vi.fn();
    socket.onAny(seen);
    socket.on("order", (item: string, acknowledge: Acknowledge) => {
      heard(item);
      acknowledge({ item }, Buffer.from([1]));
    });
    await peer.say('27["order","boat"]', '27["order","boat"]');
    const answer = ['61-7[{"item":"boat"},{"_placeholder":true,"num":0}]', Buffer.from([1])];
    expect(await peer.hear()).toEqual(answer);
    await peer.say('27["order","boat"]');
    expect(await peer.hear()).toEqual(answer);
    expect([heard.mock.calls, seen.mock.calls.length]).toEqual([[["boat"]], 1]);
  });

  test("gets another try if the listener throws or rejects, and none after the answer", async () => {
    const bench = new Bench();
    const peer = bench.peer();
    const { socket } = await join(bench, peer);
    const fail = vi.fn();
    bench.io.on("handler_error", fail);
    const tries: string[] = [];
    const failFirst = (how: string): void => {
      tries.push(how);
      if (tries.filter((one) => one === how).length === 1) throw new Error(how);
    };
    socket.on("throw", (acknowledge: Acknowledge) => {
      failFirst("throw");
      acknowledge(1);
    });
    socket.on("reject", async (acknowledge: Acknowledge) => {
      await settle();
      failFirst("reject");
      acknowledge(2);
    });
    socket.on("late", (acknowledge: Acknowledge) => {
      acknowledge(3);
      failFirst("late");
    });
    for (const [id, name] of ["throw", "reject", "late"].entries()) {
      for (let round = 0; round < 3; round++) {
        await peer.say(`2${id}["${name}"]`);
        await settle();
        await settle();
      }
    }
    expect(tries).toEqual(["throw", "throw", "reject", "reject", "late"]);
    expect(await peer.hear()).toEqual(["30[1]", "30[1]", "31[2]", "31[2]", "32[3]", "32[3]", "32[3]"]);
    expect(fail).toHaveBeenCalledTimes(3);
  });

  test("gets another try if a middleware refuses the event", async () => {
    const bench = new Bench();
    const peer = bench.peer();
    const { socket } = await join(bench, peer);
    const errors: unknown[] = [];
    const heard = vi.fn((acknowledge: Acknowledge) => acknowledge());
    let rounds = 0;
    socket.on("error", (error: Error) => errors.push(error.message));
    socket.use((_event, next) => next(rounds++ === 0 ? new Error("not yet") : undefined));
    socket.on("a", heard);
    for (let round = 0; round < 3; round++) await peer.say('20["a"]');
    expect([errors, heard.mock.calls.length, rounds]).toEqual([["not yet"], 1, 2]);
    expect(await peer.hear()).toEqual(["30[]", "30[]"]);
  });

  test("is answered by the listener that began before it came back", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { socket, pid } = await join(bench, first);
    const acknowledgements: Acknowledge[] = [];
    socket.on("order", (acknowledge: Acknowledge) => acknowledgements.push(acknowledge));
    await first.say('20["order"]');
    first.transport.lose();
    const second = bench.peer();
    const { socket: next } = await join(bench, second, { ...RETRYING, pid });
    next.on("order", (acknowledge: Acknowledge) => acknowledgements.push(acknowledge));
    await second.say('20["order"]');
    expect([await second.hear(), acknowledgements.length]).toEqual([[], 1]);
    acknowledgements[0]?.("done");
    expect(await second.hear()).toEqual(['30["done"]']);
    await second.say('20["order"]');
    expect([await second.hear(), acknowledgements.length]).toEqual([['30["done"]'], 1]);
  });

  test("is heard again in a session of its own", async () => {
    const bench = new Bench(RECOVERY);
    const heard = vi.fn((acknowledge: Acknowledge) => acknowledge());
    bench.io.on("connection", (socket) => socket.on("a", heard));
    const first = bench.peer();
    await join(bench, first);
    await first.say('20["a"]');
    first.transport.lose();
    const second = bench.peer();
    await join(bench, second, { ...RETRYING, pid: "another" });
    await second.say('20["a"]');
    expect(heard).toHaveBeenCalledTimes(2);
  });

  test("is heard by the next socket if the last one ended before its listeners ran", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { socket, pid } = await join(bench, first);
    const heard = vi.fn((acknowledge: Acknowledge) => acknowledge());
    let go: () => void = () => {};
    socket.use((_event, next) => void (go = next));
    socket.on("a", heard);
    await first.say('20["a"]');
    first.transport.lose();
    const second = bench.peer();
    const { socket: next } = await join(bench, second, { ...RETRYING, pid });
    next.on("a", heard);
    await second.say('20["a"]');
    go();
    await settle();
    expect(heard).toHaveBeenCalledTimes(1);
    expect(await second.hear()).toEqual(["30[]"]);
  });

  test("returns its answers to the adapter if it does not connect again", async () => {
    const bench = new Bench({ connectionStateRecovery: { skipMiddlewares: false } });
    const heard = vi.fn((acknowledge: Acknowledge) => acknowledge());
    bench.io.on("connection", (socket) => socket.on("a", heard));
    const first = bench.peer();
    const { pid } = await join(bench, first);
    await first.say('20["a"]');
    first.transport.lose();
    let refusals = 1;
    bench.io.use((_socket, next) => next(refusals-- > 0 ? new Error("not yet") : undefined));
    await bench.peer().say(`0${JSON.stringify({ ...RETRYING, pid })}`);
    const third = bench.peer();
    await join(bench, third, { ...RETRYING, pid });
    await third.say('20["a"]');
    expect(await third.hear()).toEqual(["30[]"]);
    expect(heard).toHaveBeenCalledTimes(1);
  });
});

describe("a client that does not say so", () => {
  test("is heard each time, as in socket.io", async () => {
    const bench = new Bench(RECOVERY);
    const peer = bench.peer();
    const { socket } = await join(bench, peer, {});
    const heard = vi.fn((acknowledge: Acknowledge) => acknowledge(socket.dedupKey(acknowledge)));
    socket.on("a", heard);
    await peer.say('20["a"]', '20["a"]');
    expect(heard).toHaveBeenCalledTimes(2);
    expect(await peer.hear()).toEqual(["30[null]", "30[null]"]);
  });
});

describe("dedupKey()", () => {
  test("is the same for all tries of an event, in middlewares and listeners, now and later", async () => {
    const bench = new Bench(RECOVERY);
    const keys: unknown[] = [];
    bench.io.on("connection", (socket) => {
      socket.use((event, next) => {
        keys.push(socket.dedupKey(event.at(-1) as Acknowledge));
        next();
      });
      socket.on("a", async (acknowledge: Acknowledge) => {
        await settle();
        keys.push(socket.dedupKey(acknowledge));
        throw new Error("the transaction has failed");
      });
    });
    bench.io.on("handler_error", () => {});
    const first = bench.peer();
    const { socket, pid } = await join(bench, first);
    await first.say('25["a"]');
    await settle();
    first.transport.lose();
    const second = bench.peer();
    await join(bench, second, { ...RETRYING, pid });
    await second.say('25["a"]', '26["a"]');
    await settle();
    const [five, six] = [`${socket.id}:5`, `${socket.id}:6`];
    expect(keys).toEqual([five, five, five, six, five, six]);
  });

  test("is undefined without an acknowledgement", async () => {
    const bench = new Bench();
    const { socket } = await join(bench, bench.peer());
    expect([socket.dedupKey(undefined), socket.dedupKey(() => {})]).toEqual([undefined, undefined]);
  });

  test("works with a function that a middleware has put in its place", async () => {
    const bench = new Bench();
    const peer = bench.peer();
    const { socket } = await join(bench, peer);
    socket.use((event, next) => {
      const acknowledge = event.pop() as Acknowledge;
      event.push((...args: unknown[]) => acknowledge("wrapped", ...args));
      next();
    });
    socket.on("a", (acknowledge: Acknowledge) => acknowledge(socket.dedupKey(acknowledge)));
    await peer.say('27["a"]', '27["a"]');
    expect(await peer.hear()).toEqual([`37["wrapped","${socket.id}:7"]`]);
  });
});

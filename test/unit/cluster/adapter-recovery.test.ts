import { describe, expect, test } from "vitest";
import { settle } from "../socketio/peer.ts";
import { ClusterBench } from "./adapter-cluster-bench.ts";

const RECOVERY = { connectionStateRecovery: {} };

/** Two nodes; a client of the first one, which can come back. */
async function pair(options: object = RECOVERY) {
  const cluster = new ClusterBench(["aaaa", "bbbb"], options);
  const [one, two] = cluster.nodes as [(typeof cluster.nodes)[0], (typeof cluster.nodes)[0]];
  const peer = one.bench.peer();
  await peer.say("0");
  const [answer] = await peer.hear();
  const { sid, pid } = JSON.parse(String(answer).slice(1)) as { sid: string; pid: string };
  /** Lets the client come back to a node; returns its socket and the events that it gets. */
  const comeBack = async (offset: string, node = one) => {
    const again = node.bench.peer();
    await again.say(`0${JSON.stringify({ pid, offset })}`);
    const messages = await again.hear();
    const connect = messages.find((text) => String(text).startsWith("0"))!;
    const socket = node.io.of("/").sockets.get((JSON.parse(String(connect).slice(1)) as { sid: string }).sid)!;
    return { peer: again, socket, events: messages.filter((text) => text !== connect).map(eventOf) };
  };
  const socket = one.io.of("/").sockets.get(sid)!;
  return { cluster, one, two, peer, socket, sid, pid, comeBack };
}

/** Returns an event without its offset. */
function eventOf(text: unknown): unknown {
  if (typeof text !== "string") return text;
  const event = JSON.parse(text.slice(text.indexOf("["))) as unknown[];
  return event.slice(0, -1);
}

/** Returns the offset of an event. */
const offsetOf = (messages: readonly unknown[]): string => {
  const text = String(messages.filter((message) => typeof message === "string").at(-1));
  return (JSON.parse(text.slice(text.indexOf("["))) as string[]).at(-1)!;
};

describe("a client that comes back to its node", () => {
  test("gets what nodes have sent meanwhile, in the order of its node", async () => {
    const { one, two, peer, socket, comeBack } = await pair();
    await socket.join("red");
    two.io.emit("first", 1);
    const offset = offsetOf(await peer.hear());
    peer.transport.lose();
    two.io.to("red").emit("a", Buffer.from("b"));
    await settle();
    one.io.emit("b", { deep: [1] });
    two.io.except("red").emit("not for it");
    two.io.to("blue").emit("nor this");
    two.io.local.emit("nor this");
    two.io.volatile.emit("nor this");
    two.io.emit("c");
    await settle();
    const back = await comeBack(offset);
    expect(back.socket.recovered).toBe(true);
    expect([...back.socket.rooms]).toContain("red");
    const bytes = { _placeholder: true, num: 0 };
    expect(back.events).toEqual([["a", bytes], Buffer.from("b"), ["b", { deep: [1] }], ["c"]]);
    two.io.emit("d", "text");
    const next = await back.peer.hear();
    expect(next.map(eventOf)).toEqual([["d", "text"]]);
    back.peer.transport.lose();
    const third = await comeBack(offsetOf(next));
    expect([third.socket.recovered, third.events]).toEqual([true, []]);
  });

  test("without an offset gets all since it connected", async () => {
    const { two, peer, comeBack } = await pair();
    peer.transport.lose();
    two.io.emit("a");
    await settle();
    const back = await comeBack("");
    expect([back.socket.recovered, back.events]).toEqual([true, [["a"]]]);
  });

  test("keeps its offset after a volatile event that ends in text", async () => {
    const { two, peer, comeBack } = await pair();
    two.io.emit("first");
    const offset = offsetOf(await peer.hear());
    two.io.volatile.emit("volatile", "text");
    expect(offsetOf(await peer.hear())).toBe(offset);
    two.io.volatile.emit("volatile", 1);
    expect(await peer.hear()).toEqual(['2["volatile",1]']);
    peer.transport.lose();
    await settle();
    expect((await comeBack(offset)).socket.recovered).toBe(true);
  });
});

test("events for one socket stay on its node", async () => {
  const { one, two, cluster, socket, sid, peer } = await pair();
  const other = await cluster.join(1);
  await other.socket.join(sid);
  socket.emit("own");
  await settle();
  expect((await peer.hear()).map(eventOf)).toEqual([["own"]]);
  expect(await other.peer.hear()).toEqual([]);
  one.io.to(sid).emit("to the room");
  await settle();
  expect((await other.peer.hear()).map(eventOf)).toEqual([["to the room"]]);
  expect([...one.failures, ...two.failures]).toEqual([]);
});

test("outgoing listeners and clients of protocol 4 (Socket.IO 2) get events without offsets", async () => {
  const { one, two } = await pair();
  const old = one.bench.peer({ protocol: 3 });
  await old.hear();
  const seen: unknown[] = [];
  for (const socket of one.io.of("/").sockets.values()) socket.onAnyOutgoing((...args) => seen.push(args));
  two.io.emit("x", 1);
  expect(await old.hear()).toEqual(['2["x",1]']);
  expect(seen).toEqual([
    ["x", 1],
    ["x", 1],
  ]);
});

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { io as connect, type Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nextEvent, within } from "../../support/waiting.ts";

let child: ChildProcess;
let port: number;
/** Ids of workers by tag. */
let workers: Record<string, number>;
const sockets: Socket[] = [];

beforeAll(async () => {
  child = fork(fileURLToPath(new URL("node-cluster-program.mjs", import.meta.url)), { execArgv: [] });
  const [message] = await nextEvent<[{ port: number; workers: Record<string, number> }]>(child, "message");
  ({ port, workers } = message);
});

afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  const exit = nextEvent(child, "exit");
  child.disconnect();
  await exit;
});

/** Connects a client, and waits until it has the last of its transports. */
async function client(transports: ("polling" | "websocket")[]): Promise<Socket> {
  const options = { transports, forceNew: true, reconnection: false, agent: false as unknown as string };
  const socket = connect(`http://127.0.0.1:${port}`, options);
  sockets.push(socket);
  await nextEvent(socket, "connect");
  const { engine } = socket.io;
  if (engine.transport.name !== transports.at(-1)) await nextEvent(engine as never, "upgrade");
  return socket;
}

/** The tag of the worker that has the session. */
const tagOf = (socket: Socket): string => (socket.io.engine as unknown as { id: string }).id.slice(0, 4);

const ask = <T>(socket: Socket, ...args: [string, ...unknown[]]): Promise<T> =>
  within(socket.emitWithAck(...args) as Promise<T>, `an answer to ${args[0]}`);

describe("workers of node:cluster, with the option cluster and nothing else", () => {
  test.each([
    ["polling", ["polling"] as const],
    ["polling, then WebSocket", ["polling", "websocket"] as const],
    ["WebSocket", ["websocket"] as const],
  ])("%s: each request may arrive at any worker", async (_what, transports) => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => client([...transports])));
    await Promise.all(
      clients.map(async (socket) => {
        for (let i = 0; i < 10; i++) expect(await ask(socket, "echo", i)).toBe(i);
      }),
    );
    const owners = new Set(clients.map(tagOf));
    expect(owners.size).toBeGreaterThan(1);
    expect(Object.keys(workers)).toEqual(expect.arrayContaining([...owners]));
    for (const socket of clients) socket.disconnect();
  });

  test("a broadcast and a request reach the sockets of all workers", async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => client(["polling", "websocket"])));
    const heard = Promise.all(clients.map((socket) => nextEvent(socket, "all")));
    clients[0]!.emit("all", "hello");
    expect(await heard).toEqual(clients.map(() => ["hello"]));
    expect(await ask<number>(clients[1]!, "count")).toBeGreaterThanOrEqual(clients.length);
    const metrics = await ask<string>(clients[2]!, "metrics");
    expect(metrics).toContain('portage_nodes{state="up"} 2');
    expect(metrics).toMatch(/portage_link_frames_total\{node="[\w-]{4}",direction="in"\} [1-9]/);
    for (const socket of clients) socket.disconnect();
  });

  test("a worker that is killed takes its own sessions with it, and no others", async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => client(["websocket"])));
    // A closed client has no id.
    const owners = new Map(clients.map((socket) => [socket, tagOf(socket)]));
    const [victim, id] = Object.entries(workers)[0]!;
    const own = clients.filter((socket) => owners.get(socket) === victim);
    expect(own.length).toBeGreaterThan(0);
    const ends = Promise.all(own.map((socket) => nextEvent(socket, "disconnect")));
    child.send({ kill: id });
    await ends;
    // A WebSocket of another worker's session was connected to the killed one if it has ended as well.
    const others = clients.filter((socket) => owners.get(socket) !== victim && socket.connected);
    expect(others.length).toBeGreaterThan(0);
    for (const socket of others) expect(await ask(socket, "echo", 1)).toBe(1);
  });
});

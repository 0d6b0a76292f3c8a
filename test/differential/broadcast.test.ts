import type { Socket } from "socket.io";
import { describe } from "vitest";
import type { RawWebSocket } from "../support/raw/websocket.ts";
import { differential, type SocketContext } from "./scenario.ts";

/** Three raw clients, joined one after the other; their sockets in the same order. */
async function three(context: SocketContext): Promise<{ clients: RawWebSocket[]; sockets: Socket[] }> {
  const clients: RawWebSocket[] = [];
  const sockets: Socket[] = [];
  context.io.on("connection", (socket) => sockets.push(socket));
  for (const name of ["A", "B", "C"]) {
    const client = await context.websocket(name);
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    clients.push(client);
  }
  return { clients, sockets };
}

/** Ends a scenario with one last event to all clients, so that all earlier events are in the trace. */
async function finish(context: SocketContext, clients: readonly RawWebSocket[]): Promise<void> {
  context.io.emit("end");
  await Promise.all(clients.map((client) => client.until((packet) => packet === '42["end"]')));
}

type Act = (context: SocketContext, sockets: readonly [Socket, Socket, Socket]) => unknown;

/** One scenario: rooms are a: A, B; b: B, C; then `act`. */
function broadcast(name: string, act: Act): void {
  differential(`broadcast ${name}`, {}, async (context) => {
    const { clients, sockets } = await three(context);
    const [first, second, third] = sockets as [Socket, Socket, Socket];
    await first.join("a");
    await second.join(["a", "b"]);
    await third.join("b");
    await act(context, [first, second, third]);
    await finish(context, clients);
  });
}

const binary = { image: Buffer.from([1, 2, 3]), list: [Buffer.from("x")] };

describe("who gets a broadcast", () => {
  broadcast("to all", ({ io }) => io.emit("hello", 1, "two", null));
  broadcast("to all, binary", ({ io }) => io.emit("hello", binary));
  broadcast("send and write", ({ io }) => void io.send("a", 1).write("b"));
  broadcast("to a room", ({ io }) => io.to("a").emit("hello"));
  broadcast("in a room", ({ io }) => io.in("b").emit("hello"));
  broadcast("to several rooms arrives once", ({ io }) => io.to("a").to("b").emit("hello"));
  broadcast("to a list of rooms", ({ io }) => io.to(["a", "b", "unknown"]).emit("hello"));
  broadcast("to an unknown room", ({ io }) => io.to("unknown").emit("hello"));
  broadcast("to an empty list of rooms", ({ io }) => io.to([]).emit("hello"));
  broadcast("except a room", ({ io }) => io.except("a").emit("hello"));
  broadcast("to one room except another", ({ io }) => io.to("a").except("b").emit("hello"));
  broadcast("except several", ({ io }) => io.except(["a", "b"]).emit("hello"));
  broadcast("to one socket by its id", ({ io }, [, second]) => io.to(second.id).emit("hello"));
  broadcast("of a socket to all others", (_context, [first]) => first.broadcast.emit("hello", binary));
  broadcast("of a socket to a room of its own", (_context, [first]) => first.to("a").emit("hello"));
  broadcast("of a socket to another room", (_context, [first]) => first.to("b").emit("hello"));
  broadcast("of a socket except a room", (_context, [first]) => first.except("b").emit("hello"));
  broadcast("volatile", ({ io }) => io.volatile.emit("hello"));
  broadcast("local", ({ io }) => io.local.to("a").emit("hello"));
  broadcast("without compression", ({ io }) => io.compress(false).emit("hello"));
  broadcast("of a namespace nobody is in", ({ io }) => io.of("/other").emit("hello"));
  broadcast("with an operator used twice", ({ io }) => {
    const operator = io.to("a");
    operator.emit("one");
    operator.to("b").emit("two");
    operator.emit("three");
  });
  broadcast("in the middle of other events", ({ io }, [first]) => {
    first.emit("before", Buffer.from("b"));
    io.emit("all", Buffer.from("a"));
    first.emit("after");
  });
});

describe("rooms", () => {
  broadcast("after leaving", ({ io }, [first]) => {
    void first.leave("a");
    io.to("a").emit("hello");
  });

  broadcast("and the sets that show it", (context, sockets) => {
    for (const socket of sockets)
      context.note(
        "server",
        [...socket.rooms].filter((room) => room !== socket.id),
      );
    const { rooms, sids } = context.io.of("/").adapter;
    context.note(
      "server",
      [...rooms.keys()].filter((room) => !sids.has(room)),
      sids.size,
      context.io.of("/").sockets.size,
    );
  });

  broadcast("events of the adapter", async (context, [first]) => {
    const { adapter } = context.io.of("/");
    for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
      adapter.on(event, (room: string) => context.note("adapter", event, room));
    }
    await first.join(["x", "y", "x"]);
    await first.leave("x");
    await first.leave("x");
    await first.leave("y");
  });

  broadcast("moved from outside", async (context) => {
    context.io.in("a").socketsJoin(["x", "y"]);
    context.io.in("b").socketsLeave("x");
    context.io.to("x").emit("to x");
    context.io.to("y").emit("to y");
    const found = await context.io.in("b").fetchSockets();
    context.note(
      "server",
      found.map((socket) => [...socket.rooms].length),
    );
    context.note("server", (await context.io.allSockets()).size, (await context.io.in("x").allSockets()).size);
  });

  differential("broadcast disconnectSockets", {}, async (context) => {
    const { clients, sockets } = await three(context);
    for (const socket of sockets) context.watch(socket);
    await sockets[0]?.join("a");
    await sockets[1]?.join("b");
    context.io.in("a").disconnectSockets();
    context.io.in("b").disconnectSockets(true);
    await clients[1]?.ended();
    await clients[0]?.until((packet) => packet === "41");
    await finish(context, clients.slice(2));
  });
});

describe("acks of broadcasts", () => {
  const answer = (packet: string, data: unknown): string =>
    `43${/^42(\d+)/.exec(packet)?.[1]}${JSON.stringify([data])}`;

  differential("broadcast acks from all", {}, async (context) => {
    const { clients } = await three(context);
    const answered = context.io.timeout(5000).emitWithAck("question", 1);
    for (const [index, client] of clients.entries()) {
      client.send(answer(await client.until((packet) => packet.includes("question")), index));
    }
    context.note(
      "server",
      ((await answered) as number[]).sort((left, right) => left - right),
    );
  });

  differential("broadcast acks that are missing", {}, async (context) => {
    const { clients } = await three(context);
    const answered = new Promise((resolve) => {
      context.io
        .timeout(60)
        .emit("question", (error: Error | null, answers: unknown[]) => resolve([error?.message, answers]));
    });
    const [first] = clients as [RawWebSocket];
    first.send(answer(await first.until((packet) => packet.includes("question")), "only one"));
    context.note("server", await answered);
    await context.io
      .timeout(10)
      .emitWithAck("again")
      .catch((error: Error & { responses?: unknown }) => {
        context.note("server", error.message, error.responses);
      });
  });

  differential("broadcast acks from nobody", {}, async (context) => {
    context.note("server", await context.io.timeout(1000).to("unknown").emitWithAck("question"));
    context.note("server", await context.io.timeout(1000).emitWithAck("question"));
  });
});

describe("volatile and polling", () => {
  differential("a volatile event needs a waiting poll", {}, async (context) => {
    context.io.on("connection", (socket) => context.watch(socket));
    const client = await context.polling("A");
    await client.post("40");
    await client.next();
    const [socket] = context.io.of("/").sockets.values();
    socket?.volatile.emit("lost");
    context.io.volatile.emit("lost too");
    const poll = client.beginPoll();
    await poll.arrived;
    socket?.volatile.emit("found");
    await poll.packets;
    socket?.emit("end");
    await client.until((packet) => packet.includes("end"));
  });

  differential("broadcast to polling and websocket at once", {}, async (context) => {
    const { clients } = await three(context);
    const polling = await context.polling("P");
    await polling.post("40");
    await polling.next();
    context.io.emit("hello", binary, "é€😀");
    await polling.until((packet) => packet.startsWith("bQQ") || packet.startsWith("beA=="));
    await finish(context, clients);
  });
});

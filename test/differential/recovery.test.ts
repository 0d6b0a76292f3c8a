import type { Socket } from "socket.io";
import { describe } from "vitest";
import type { RawWebSocket } from "../support/raw/websocket.ts";
import { turn } from "../support/waiting.ts";
import { differential, type SocketContext } from "./scenario.ts";

const RECOVERY = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } };

/** The data that a client stores for its recovery. */
interface Ticket {
  pid: string;
  offset: string | undefined;
}

/** A handmade client: it joins, and stores pid and offset like the published one. */
class Recovering {
  readonly ticket: Ticket = { pid: "", offset: undefined };
  readonly raw: RawWebSocket;
  readonly #context: SocketContext;
  readonly #prefix: string;

  private constructor(context: SocketContext, raw: RawWebSocket, prefix: string) {
    this.#context = context;
    this.raw = raw;
    this.#prefix = prefix;
  }

  /** Connects, sends `auth` to the namespace, and reads up to the answer. */
  static async join(context: SocketContext, name: string, auth?: object, nsp = "/"): Promise<Recovering> {
    const client = new Recovering(context, await context.websocket(name), nsp === "/" ? "" : `${nsp},`);
    return client.ask(auth);
  }

  async ask(auth?: object): Promise<this> {
    this.raw.send(`40${this.#prefix}${auth ? JSON.stringify(auth) : ""}`);
    const answer = await this.read((packet) => packet.startsWith(`40${this.#prefix}`) || packet.startsWith("44"));
    const { pid } = JSON.parse(answer.slice(2 + this.#prefix.length)) as { pid?: string };
    if (pid) this.ticket.pid = pid;
    return this;
  }

  /** Reads up to a packet. Offsets are the last argument of events without an acknowledgement, and differ from run to run. */
  async read(wanted: (packet: string) => boolean): Promise<string> {
    return this.raw.until((text) => {
      const start = text.indexOf("[");
      if (/^4[25]/.test(text) && start !== -1) this.#note(JSON.parse(text.slice(start)) as unknown[]);
      return wanted(text);
    });
  }

  #note(event: unknown[]): void {
    const offset = event.at(-1);
    if (event.length < 2 || typeof offset !== "string" || !/^[\w-]{5,}(\.\d+)?$/.test(offset)) return;
    this.ticket.offset = offset;
    this.#context.tracer.mask(offset, "<offset>");
  }

  /** Loses the connection, and waits until the server has detected it. */
  async lose(): Promise<Ticket> {
    const { tracer } = this.#context;
    const gone = tracer.lane("server").filter((line) => line.startsWith("disconnect ")).length;
    this.raw.cut();
    await tracer.seen("server", /^disconnect /, gone + 1);
    return { ...this.ticket };
  }
}

/** Records a connection, and whether it was recovered. */
function watch(context: SocketContext, namespace = "/"): void {
  context.io.of(namespace).on("connection", (socket: Socket) => {
    context.watch(socket);
    const rooms = [...socket.rooms].map((room) => (room === socket.id ? "own" : room));
    context.note("server", "recovered", socket.recovered, "rooms", rooms.sort(), "data", socket.data);
  });
}

/** Ends a connection that the server may be ending too, in either order. */
async function cutBoth(context: SocketContext, client: Recovering): Promise<void> {
  for (const code of [1000, 1006]) context.tracer.mask(`closed ${code}`, "closed by one of the two");
  client.raw.cut();
  await client.raw.closed;
}

const isEvent = (name: string) => (packet: string) => packet.includes(`["${name}"`);

/** A client that connected, received an event, and was lost. */
async function lost(context: SocketContext, act?: (socket: Socket) => unknown): Promise<Ticket> {
  watch(context);
  const client = await Recovering.join(context, "A");
  const [socket] = [...context.io.of("/").sockets.values()] as [Socket];
  await act?.(socket);
  context.io.emit("first");
  await client.read(isEvent("first"));
  return client.lose();
}

describe("a client that comes back", () => {
  differential("recovery: id, rooms, data and what was missed", RECOVERY, async (context) => {
    const ticket = await lost(context, (socket) => {
      Object.assign(socket.data as object, { name: "ada" });
      return socket.join(["room", "other"]);
    });
    context.io.emit("missed", 1);
    context.io.to("room").emit("missed", 2, { deep: [null] });
    context.io.except("room").emit("not for the room");
    context.io.to("elsewhere").emit("elsewhere");
    context.io.in("other").emit("missed", 3);
    const back = await Recovering.join(context, "B", ticket);
    context.io.emit("after");
    await back.read(isEvent("after"));
    context.note("same", back.ticket.pid === ticket.pid);
  });

  differential("recovery: of what is sent, volatile events and questions are not kept", RECOVERY, async (context) => {
    const ticket = await lost(context);
    context.io.volatile.emit("volatile");
    context.io.timeout(10).emit("question", () => {});
    context.io.local.emit("local");
    context.io.compress(false).emit("plain");
    const back = await Recovering.join(context, "B", ticket);
    context.io.emit("after");
    await back.read(isEvent("after"));
  });

  differential("recovery: what was sent to it alone", RECOVERY, async (context) => {
    const ticket = await lost(context, (socket) => {
      socket.on("disconnect", () => socket.emit("too late for this socket"));
      context.note("own", socket.rooms.has(socket.id));
    });
    const id =
      context.tracer
        .lane("A")
        .join("\n")
        .match(/"sid":"([^"]+)","pid"/)?.[1] ?? "";
    context.io.to(id).emit("for you");
    const back = await Recovering.join(context, "B", ticket);
    context.io.emit("after");
    await back.read(isEvent("after"));
  });

  differential("recovery: twice in a row", RECOVERY, async (context) => {
    const first = await lost(context);
    context.io.emit("one");
    const back = await Recovering.join(context, "B", first);
    const second = await back.lose();
    context.io.emit("two");
    const again = await Recovering.join(context, "C", { ...second, offset: second.offset ?? first.offset });
    context.io.emit("after");
    await again.read(isEvent("after"));
  });

  differential("recovery: middlewares are passed by", RECOVERY, async (context) => {
    context.io.use((socket, next) => {
      context.note("middleware", socket.recovered);
      next();
    });
    const ticket = await lost(context);
    await Recovering.join(context, "B", ticket);
  });

  const asked = { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } };
  differential("recovery: middlewares are asked", asked, async (context) => {
    context.io.use((socket, next) => {
      context.note("middleware", socket.recovered);
      next();
    });
    const ticket = await lost(context);
    await Recovering.join(context, "B", ticket);
  });

  differential("recovery: in two namespaces", RECOVERY, async (context) => {
    watch(context);
    watch(context, "/chat");
    const main = await Recovering.join(context, "A");
    const chat = await Recovering.join(context, "A2", undefined, "/chat");
    for (const namespace of ["/", "/chat"]) context.io.of(namespace).emit("first", namespace);
    await main.read(isEvent("first"));
    await chat.read(isEvent("first"));
    const tickets = [await main.lose(), await chat.lose()] as const;
    for (const namespace of ["/", "/chat"]) context.io.of(namespace).emit("missed", namespace);
    await Recovering.join(context, "B", tickets[0]);
    await Recovering.join(context, "B2", tickets[1], "/chat");
    // A pid of one namespace is invalid in another.
    await Recovering.join(context, "C", tickets[1]);
  });
});

describe("a client that comes back as a new one", () => {
  const refused = (name: string, auth: (ticket: Ticket) => object): void => {
    differential(`recovery: ${name}`, RECOVERY, async (context) => {
      const ticket = await lost(context, (socket) => socket.join("room"));
      context.io.emit("missed");
      await Recovering.join(context, "B", auth(ticket));
    });
  };
  refused("an unknown pid", ({ offset }) => ({ pid: "nobody's", offset }));
  refused("an unknown offset", ({ pid }) => ({ pid, offset: "never sent" }));
  refused("an empty offset", ({ pid }) => ({ pid, offset: "" }));
  refused("a pid alone", ({ pid }) => ({ pid }));
  refused("an offset alone", ({ offset }) => ({ offset }));
  refused("a pid that is no text", ({ offset }) => ({ pid: { a: 1 }, offset }));
  refused("an offset that is no text", ({ pid }) => ({ pid, offset: [1] }));

  differential("recovery: the option is off", {}, async (context) => {
    watch(context);
    const client = await Recovering.join(context, "A", { pid: "some", offset: "other" });
    context.io.emit("text", "the last argument");
    await client.read(isEvent("text"));
  });

  const short = { connectionStateRecovery: { maxDisconnectionDuration: 1 } };
  differential("recovery: too late", short, async (context) => {
    const ticket = await lost(context);
    const end = Date.now() + 5;
    while (Date.now() < end) await turn();
    await Recovering.join(context, "B", ticket);
  });

  differential("recovery: the client has left the namespace", RECOVERY, async (context) => {
    watch(context);
    const client = await Recovering.join(context, "A");
    context.io.emit("first");
    await client.read(isEvent("first"));
    client.raw.send("41");
    await context.seen("server", /^disconnect /);
    client.raw.cut();
    await Recovering.join(context, "B", client.ticket);
  });

  for (const close of [false, true]) {
    differential(`recovery: the server has sent it away, ${close}`, RECOVERY, async (context) => {
      watch(context);
      const client = await Recovering.join(context, "A");
      context.io.emit("first");
      await client.read(isEvent("first"));
      context.io.of("/").disconnectSockets(close);
      await context.seen("server", /^disconnect /);
      client.raw.cut();
      await Recovering.join(context, "B", client.ticket);
    });
  }

  differential("recovery: somebody has come back with the same pid", RECOVERY, async (context) => {
    const ticket = await lost(context);
    const second = await Recovering.join(context, "B", ticket);
    await Recovering.join(context, "C", ticket);
    await cutBoth(context, second);
    await context.seen("server", /^disconnect /, 2);
  });

  differential("recovery: before the loss is noticed", RECOVERY, async (context) => {
    watch(context);
    const client = await Recovering.join(context, "A");
    context.io.emit("first");
    await client.read(isEvent("first"));
    await Recovering.join(context, "B", client.ticket);
    await cutBoth(context, client);
    await context.seen("server", /^disconnect /);
  });
});

import type { Namespace, Server, Socket } from "socket.io";
import { describe, expect, test } from "vitest";
import { heldObjects, type Held } from "../support/held-objects.ts";
import { portage, reference, type Target } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// Programs and libraries wrap sockets, servers and sessions in proxies, or make objects from them. Such a wrapper must
// behave as with the reference.

const WRAPPERS: Record<string, <T extends object>(object: T) => T> = {
  "a Proxy that passes on": (object) => new Proxy(object, {}),
  "a Proxy with traps": (object) =>
    new Proxy(object, {
      get: (target, key, receiver) => Reflect.get(target, key, receiver) as unknown,
      set: (target, key, value, receiver) => Reflect.set(target, key, value, receiver),
    }),
  "an object made from it": (object) => Object.create(object) as typeof object,
};

interface Wrapped extends Held {
  readonly wrapped: Socket;
  readonly io: Server;
  readonly nsp: Namespace;
  readonly heard: unknown[];
}

const hear = ({ client }: Held, event: string): Promise<unknown[]> => nextEvent(client, event);
/** Waits until the server has processed earlier packets. */
const settled = ({ client }: Held): Promise<unknown> => client.timeout(5000).emitWithAck("ping!");

const SCENARIOS: Record<string, (held: Wrapped) => unknown> = {
  "socket.emit()": (held) => {
    const heard = hear(held, "news");
    held.wrapped.emit("news", 1, { two: [Buffer.from([3])] });
    return heard;
  },
  "socket.emit() with an acknowledgement": async (held) => {
    held.client.on("question", (done: (answer: number) => void) => done(42));
    return new Promise((resolve) => held.wrapped.emit("question", resolve));
  },
  "socket.emitWithAck() and timeout()": async (held) => {
    held.client.on("question", (done: (answer: number) => void) => done(42));
    return held.wrapped.timeout(5000).emitWithAck("question");
  },
  "socket.send() and volatile": (held) => {
    const heard = hear(held, "message");
    held.wrapped.volatile.send("hello");
    return heard;
  },
  "listeners that are added": async (held) => {
    const heard: unknown[] = [];
    held.wrapped.on("to the server", (value) => heard.push(["on", value]));
    held.wrapped.once("to the server", (value) => heard.push(["once", value]));
    held.wrapped.prependListener("to the server", (value) => heard.push(["first", value]));
    held.client.emit("to the server", 1);
    held.client.emit("to the server", 2);
    await settled(held);
    return [heard, held.wrapped.listenerCount("to the server"), held.socket.listenerCount("to the server")];
  },
  "listeners that are removed": async (held) => {
    const heard: unknown[] = [];
    const listener = (value: unknown): void => void heard.push(value);
    held.socket.on("to the server", listener);
    held.wrapped.off("to the server", listener);
    held.client.emit("to the server", 1);
    await settled(held);
    return [heard, held.socket.eventNames().includes("to the server")];
  },
  "a middleware": async (held) => {
    held.wrapped.use(([event], next) => (held.heard.push(event), next()));
    await settled(held);
    return held.heard;
  },
  rooms: async (held) => {
    await held.wrapped.join(["a", "b"]);
    await held.wrapped.leave("b");
    const heard = hear(held, "to the room");
    held.io.to("a").emit("to the room", 1);
    return [[...held.wrapped.rooms].length, await heard];
  },
  "socket.to(), which leaves the socket out": async (held) => {
    await held.socket.join("a");
    held.client.on("to the others", () => held.heard.push("heard"));
    held.wrapped.to("a").emit("to the others");
    held.wrapped.broadcast.emit("to the others");
    await settled(held);
    return held.heard;
  },
  "data and handshake": ({ wrapped, socket }) => {
    (wrapped.data as Record<string, unknown>)["name"] = "Ada";
    return [
      socket.data,
      wrapped.handshake === socket.handshake,
      wrapped.handshake.query["transport"],
      wrapped.connected,
    ];
  },
  "members to read": ({ wrapped, socket }) => [
    wrapped.id === socket.id,
    wrapped.nsp.name,
    wrapped.conn.transport.name,
    wrapped.client === socket.client,
    wrapped.request.method,
    wrapped instanceof socket.constructor,
  ],
  "socket.disconnect()": async (held) => {
    held.socket.on("disconnect", (reason) => held.heard.push(reason));
    const gone = hear(held, "disconnect");
    held.wrapped.disconnect();
    const [reason] = await gone;
    return [
      reason,
      held.heard,
      held.io.of("/").sockets.has(held.socket.id),
      held.io.of("/").adapter.rooms.has(held.socket.id),
    ];
  },
  "socket.disconnect(true)": async (held) => {
    held.socket.on("disconnect", (reason) => held.heard.push(reason));
    const gone = hear(held, "disconnect");
    held.wrapped.disconnect(true);
    const [reason] = await gone;
    return [reason, held.heard, held.io.of("/").sockets.has(held.socket.id)];
  },
};

const SERVER_SCENARIOS: Record<string, (held: Held, wrap: <T extends object>(object: T) => T) => unknown> = {
  "io.emit(), to() and of()": async (held, wrap) => {
    const io = wrap(held.io);
    const heard = [hear(held, "a"), hear(held, "b"), hear(held, "c")];
    io.emit("a", 1);
    io.to(held.socket.id).emit("b", 2);
    io.of("/").emit("c", 3);
    return [await Promise.all(heard), io.of("/") === held.io.of("/")];
  },
  "io.on() and io.use()": async (held, wrap) => {
    const io = wrap(held.io);
    const heard: unknown[] = [];
    io.use((_socket, next) => (heard.push("middleware"), next()));
    io.on("connection", () => heard.push("connection"));
    held.client.disconnect();
    held.client.connect();
    await hear(held, "connect");
    return heard;
  },
  "the namespace": async (held, wrap) => {
    const nsp = wrap(held.io.of("/"));
    const heard = [hear(held, "a"), hear(held, "b")];
    nsp.emit("a", 1);
    nsp.except("others").emit("b", 2);
    nsp.socketsJoin("all");
    return [await Promise.all(heard), (await nsp.fetchSockets()).length, (await nsp.in("all").fetchSockets()).length];
  },
  "a middleware and a listener of the namespace": async (held, wrap) => {
    const nsp = wrap(held.io.of("/later"));
    const heard: unknown[] = [];
    nsp.use((_socket, next) => (heard.push("middleware"), next()));
    nsp.on("connection", () => heard.push("connection"));
    const later = held.client.io.socket("/later");
    await nextEvent(later, "connect");
    later.disconnect();
    return heard;
  },
  "the session": async (held, wrap) => {
    const conn = wrap(held.socket.conn);
    const heard: unknown[] = [];
    conn.on("packet", ({ type }: { type: string }) => heard.push(type));
    const news = hear(held, "news");
    conn.send('2["news",1]');
    await settled(held);
    return [await news, heard, conn.readyState, conn.transport.name];
  },
  "the session that polls": async (held, wrap) => {
    const conn = wrap(held.objects["Socket that polls"].conn);
    const answers = held.exchange();
    for (let number = 0; number < 3; number += 1) conn.send('2["news",1]');
    return [await answers, conn.readyState];
  },
  "closing the session": async (held, wrap) => {
    const conn = wrap(held.socket.conn);
    const gone = nextEvent(held.socket, "disconnect");
    conn.close();
    return [(await gone)[0], held.socket.connected, held.io.engine.clientsCount];
  },
  "an adapter": async (held, wrap) => {
    const adapter = wrap(held.io.of("/").adapter);
    await adapter.addAll(held.socket.id, new Set(["a"]));
    const heard = hear(held, "a");
    adapter.broadcast({ type: 2, data: ["a", 1], nsp: "/" }, { rooms: new Set(["a"]), except: new Set() });
    return [await heard, adapter.rooms.has("a"), [...(adapter.socketRooms(held.socket.id) ?? [])].length];
  },
  "io.close()": async (held, wrap) => {
    const gone = hear(held, "disconnect");
    await wrap(held.io).close();
    return (await gone)[0];
  },
};

async function outcome(target: Target, run: (held: Held) => unknown): Promise<unknown> {
  const held = await heldObjects(target);
  try {
    return await run(held);
  } finally {
    await held.stop();
  }
}

describe.each(Object.keys(WRAPPERS))("%s", (name) => {
  const wrap = WRAPPERS[name] as <T extends object>(object: T) => T;

  test.each(Object.keys(SCENARIOS))("behaves like the socket: %s", async (scenario) => {
    const run = (held: Held): unknown =>
      SCENARIOS[scenario]?.({ ...held, wrapped: wrap(held.socket), nsp: held.io.of("/"), heard: [] });
    expect(await outcome(portage, run)).toEqual(await outcome(reference, run));
  });

  test.each(Object.keys(SERVER_SCENARIOS))("behaves like the server: %s", async (scenario) => {
    const run = (held: Held): unknown => SERVER_SCENARIOS[scenario]?.(held, wrap);
    expect(await outcome(portage, run)).toEqual(await outcome(reference, run));
  });
});

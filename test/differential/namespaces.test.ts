import type { Socket } from "socket.io";
import { describe } from "vitest";
import { nextEvent } from "../support/waiting.ts";
import { differential, type SocketContext } from "./scenario.ts";

/** Joins namespaces with a polling client, one after the other. */
async function join(context: SocketContext, ...namespaces: string[]): Promise<void> {
  const client = await context.polling("A");
  for (const namespace of namespaces) {
    await client.post(namespace === "/" ? "40" : `40${namespace},`);
    await client.until((packet) => /^4[04]/.test(packet));
  }
}

describe("connecting to namespaces", () => {
  differential("main and others on one connection", {}, async (context) => {
    for (const name of ["/", "/chat", "/news"]) context.watchAll(name, `server${name}`);
    await join(context, "/", "/chat", "/news");
  });

  differential("another namespace first", {}, async (context) => {
    context.watchAll("/chat");
    await join(context, "/chat");
  });

  differential("an unknown namespace", {}, async (context) => {
    context.watchAll();
    await join(context, "/unknown", "/", "/__proto__", "/constructor");
  });

  differential("names with a query, unicode and spaces", {}, async (context) => {
    for (const name of ["/a b", "/日本語", "/x?y=1"]) context.watchAll(name, `server ${name}`);
    await join(context, "/a b", "/日本語", "/x?y=1");
  });

  differential("namespaces by regular expression", {}, async (context) => {
    context.io.on("new_namespace", (namespace) => context.note("server", "new_namespace", namespace.name));
    const parent = context.io.of(/^\/room-\d+$/);
    parent.use((socket, next) => {
      context.note("server", "middleware", socket.nsp.name);
      next();
    });
    parent.on("connection", (socket) => context.watch(socket));
    await join(context, "/room-1", "/room-2", "/room-x");
  });

  differential("namespaces by function", {}, async (context) => {
    const parent = context.io.of((name, auth, next) => {
      context.note("server", "asked for", name, auth);
      if (name === "/error") next(new Error("not today"), false);
      else next(null, name === "/yes");
    });
    parent.on("connection", (socket) => context.watch(socket));
    await join(context, "/yes", "/no", "/error");
  });

  differential("a parent emits to all its children", {}, async (context) => {
    const parent = context.io.of(/^\/room-\d+$/);
    const client = await context.polling("A");
    for (const name of ["/room-1", "/room-2"]) {
      await client.post(`40${name},`);
      await client.until((packet) => packet.startsWith("40"));
    }
    parent.emit("hello", 1);
    await client.until((packet) => packet.includes("room-2"));
  });

  differential("empty children are removed", { cleanupEmptyChildNamespaces: true }, async (context) => {
    context.io.of(/^\/room-\d+$/).on("connection", (socket) => context.watch(socket));
    const client = context.client("A", "/room-1");
    await nextEvent(client, "connect");
    await context.seen("server", "connection");
    client.disconnect();
    await context.seen("server", /^disconnect /);
    const child = [...context.io._nsps.keys()];
    context.note("server", child);
    await nextEvent(context.client("B", "/room-1"), "connect");
  });
});

type Next = (error?: Error) => void;

describe("connection middlewares", () => {
  differential("run in order, then connect", {}, async (context) => {
    for (const step of [1, 2, 3]) {
      context.io.use((socket, next) => {
        context.note("server", "middleware", step, socket.connected);
        setImmediate(next);
      });
    }
    context.io.on("connect", () => context.note("server", "connect"));
    context.watchAll();
    await join(context, "/");
  });

  differential("refuse with data", {}, async (context) => {
    context.io.use((_socket, next) => next(Object.assign(new Error("who?"), { data: { code: 7, nested: [1, null] } })));
    context.watchAll();
    const client = context.client("A");
    await nextEvent(client, "connect_error");
    await join(context, "/");
  });

  differential("refuse without data", {}, async (context) => {
    context.io.of("/chat").use((_socket: Socket, next: Next) => next(new Error("no")));
    await join(context, "/chat", "/");
  });

  differential("a client that leaves meanwhile", {}, async (context) => {
    context.watchEngine();
    context.watchAll();
    let proceed: Next = () => undefined;
    context.io.use((_socket, next) => {
      proceed = next;
      context.note("server", "middleware");
    });
    const client = await context.websocket("A");
    await client.next();
    client.send("40");
    await context.seen("server", "middleware");
    client.cut();
    await context.seen("engine", "close");
    proceed();
    await nextEvent(context.client("B").on("connect_error", () => undefined).io, "open");
    await context.seen("server", "middleware", 2);
  });
});

describe("handshake of a socket", () => {
  differential("auth of the client", {}, async (context) => {
    context.io.on("connection", (socket) => {
      const { t: _time, ...query } = socket.handshake.query;
      context.note("server", socket.handshake.auth, query);
    });
    for (const auth of [{}, { token: "abc" }, { nested: { list: [1, "2", null] } }]) {
      await nextEvent(context.client("A", "/", { auth, query: { x: "1" } }), "connect");
    }
  });

  differential("raw auth payloads", {}, async (context) => {
    context.watchEngine();
    context.io.on("connection", (socket) => context.note("server", socket.handshake.auth));
    for (const auth of ["", "{}", '{"a":1}', "[]", "null", "1", '"text"', "{broken"]) {
      const client = await context.polling(`A with ${auth}`);
      await client.post(`40${auth}`);
      await client.next().catch(() => undefined);
    }
  });

  differential("fields of the handshake", {}, async (context) => {
    context.io.on("connection", (socket) => {
      const { handshake } = socket;
      context.note("server", Object.keys(handshake).sort(), handshake.xdomain, handshake.secure, handshake.address);
      context.note(
        "server",
        typeof handshake.time,
        typeof handshake.issued,
        handshake.headers["x-custom-a"],
        handshake.query,
      );
      context.note("server", handshake.url.replace(/&t=[^&]*/, ""), socket.recovered, socket.rooms.size, socket.data);
      context.note(
        "server",
        socket.conn.transport.name,
        socket.conn.protocol,
        socket.nsp.name,
        socket.rooms.has(socket.id),
      );
    });
    const client = await context.polling("A", {
      headers: { "x-custom-a": "1", origin: "http://example.org" },
      query: { q: "ä &=" },
    });
    await client.post("40");
    await client.next();
    const websocket = await context.websocket("B", { query: { q: "2" } });
    websocket.send("40");
    await websocket.until((packet) => packet.startsWith("40"));
  });
});

describe("wrong order", () => {
  for (const [name, packets] of Object.entries({
    "an event before connect": ['42["hi"]'],
    "an ack before connect": ["431[]"],
    "a connect error from the client": ["40", '44{"message":"x"}'],
    "a disconnect before connect": ["41"],
    "an event for another namespace": ["40", '42/other,["hi"]'],
  })) {
    differential(name, {}, async (context) => {
      context.watchEngine();
      context.watchAll();
      const client = await context.websocket("A");
      await client.next();
      for (const packet of packets) client.send(packet);
      await client.ended();
      await context.seen("engine", "close");
    });
  }

  differential("connect twice", {}, async (context) => {
    context.watchEngine();
    context.watchAll();
    const client = await context.websocket("A");
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    client.send("40");
    await client.ended();
    await context.seen("engine", "close");
  });

  differential("connect that never comes", { connectTimeout: 30 }, async (context) => {
    context.watchEngine();
    const client = await context.websocket("A");
    await client.ended();
    await context.seen("engine", "close");
  });

  differential("leave and join again", {}, async (context) => {
    context.watchAll();
    const client = await context.websocket("A");
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    client.send("41");
    await context.seen("server", /^disconnect /);
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    await context.seen("server", "connection", 2);
  });
});

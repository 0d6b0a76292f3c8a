import type { Socket } from "socket.io";
import type { Socket as ClientSocket } from "socket.io-client";
import { describe } from "vitest";
import { nextEvent } from "../support/waiting.ts";
import { differential, type SocketContext } from "./scenario.ts";

type Answer = (...args: unknown[]) => void;
const TRANSPORTS = ["polling", "websocket"] as const;

/** Values of every kind that must survive a round trip. */
const VALUES: Record<string, unknown[]> = {
  "no arguments": [],
  "plain values": [1, -1.5, 1e21, "text", true, false, null],
  "empty things": ["", [], {}, Buffer.alloc(0)],
  unicode: ["é€😀", "\u2028\u2029\u0000\u001e", "𝟘", { ключ: "значение" }],
  "lone surrogates": ["\ud800", "a\udc00b"],
  nested: [{ a: { b: { c: [1, [2, [3, { d: null }]]] } } }],
  binary: [Buffer.from([0, 1, 2, 253, 254, 255])],
  "binary in objects and arrays": [{ a: Buffer.from("a"), list: [Buffer.from("b"), { c: Buffer.from("c") }] }, "end"],
  "names that objects know": [JSON.parse('{"__proto__":{"x":1},"constructor":2,"toString":3,"hasOwnProperty":4}')],
  "things like placeholders": [{ _placeholder: true, num: 0 }, "text"],
  "large text": ["x".repeat(100_000)],
  "large binary": [Buffer.alloc(100_000, 7)],
  "many arguments": Array.from({ length: 300 }, (_value, index) => index),
};

async function connected(context: SocketContext, transport: string): Promise<ClientSocket> {
  const client = context.client("client", "/", { transports: [transport] });
  await nextEvent(client, "connect");
  return client;
}

describe.each(TRANSPORTS)("events over %s", (transport) => {
  for (const [name, values] of Object.entries(VALUES)) {
    differential(`${transport}: ${name}`, {}, async (context) => {
      context.io.on("connection", (socket) => {
        context.watch(socket);
        socket.on("echo", (...args: unknown[]) => {
          const answer = args.pop() as Answer;
          socket.emit("echoed", ...args);
          answer(...args);
        });
      });
      const client = await connected(context, transport);
      const answer = new Promise((resolve) => client.emit("echo", ...values, (...args: unknown[]) => resolve(args)));
      const echoed = nextEvent(client, "echoed");
      context.note("ack", await answer);
      await echoed;
    });
  }

  differential(`${transport}: acks of the client`, {}, async (context) => {
    context.io.on("connection", async (socket) => {
      context.watch(socket);
      context.note("acks", await socket.emitWithAck("question", 1, Buffer.from("x")));
      context.note("acks", await socket.timeout(5000).emitWithAck("question", 2));
      const third = new Promise((resolve) => socket.emit("question", 3, resolve));
      context.note("acks", await third);
      await socket
        .timeout(20)
        .emitWithAck("silence")
        .catch((error: Error) => context.note("acks", error.message));
      socket.emit("done");
    });
    const client = context.client("client", "/", { transports: [transport] });
    client.on("question", (...args: unknown[]) => (args.pop() as Answer)({ answer: args }));
    await nextEvent(client, "done");
  });

  differential(`${transport}: several events keep their order`, {}, async (context) => {
    context.io.on("connection", (socket) => {
      context.watch(socket);
      for (let i = 0; i < 50; i++) socket.emit("down", i, i % 10 === 0 ? Buffer.from([i]) : null);
      socket.emit("end");
    });
    const client = await connected(context, transport);
    for (let i = 0; i < 50; i++) client.emit("up", i, i % 7 === 0 ? Buffer.from([i]) : null);
    client.emit("up end");
    await Promise.all([context.seen("client", "end"), context.seen("server", "up end")]);
  });
});

/** A raw client that has joined the main namespace. */
async function joined(context: SocketContext) {
  const client = await context.websocket("A");
  client.send("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}

describe("packets on the wire", () => {
  differential("every form of event and ack", {}, async (context) => {
    context.io.on("connection", (socket) => {
      context.watch(socket);
      socket.on("ask", (...args: unknown[]) =>
        (args.at(-1) as Answer)("answer", Buffer.from("b"), { c: [Buffer.from("d")] }),
      );
      socket.emit("plain");
      socket.emit("ack me", 1, (...args: unknown[]) => context.note("acks", args));
      socket.emit("binary ack me", Buffer.from("x"), (...args: unknown[]) => context.note("acks", args));
    });
    const client = await joined(context);
    await client.until((packet) => packet.includes("binary ack me"));
    client.send('430["one"]');
    client.send('461-1["two",{"_placeholder":true,"num":0}]');
    client.send(Buffer.from("two"));
    client.send('4212["ask"]');
    client.send('451-13["ask",{"_placeholder":true,"num":0}]');
    client.send(Buffer.from("ask"));
    await client.until((packet) => packet.startsWith("462-13"));
    await context.seen("acks", "two");
  });

  differential("an ack twice, and one nobody waits for", {}, async (context) => {
    context.io.on("connection", (socket) => {
      context.watch(socket);
      socket.emit("ack me", (...args: unknown[]) => context.note("acks", args));
    });
    const client = await joined(context);
    await client.until((packet) => packet.includes("ack me"));
    for (const packet of ['430["first"]', '430["second"]', '4399["nobody"]', '42["end"]']) client.send(packet);
    await context.seen("server", "end");
  });

  differential("a listener answers twice", {}, async (context) => {
    context.io.on("connection", (socket) => {
      socket.on("ask", (answer: Answer) => {
        answer(1);
        answer(2);
        socket.emit("end");
      });
    });
    const client = await joined(context);
    client.send('427["ask"]');
    await client.until((packet) => packet.includes("end"));
  });

  for (const packet of [
    '42["connect"]',
    '42["disconnecting"]',
    '42["newListener",1]',
    '42["error",{}]',
    '42["message",1]',
    "42[7,1]",
  ]) {
    differential(`event ${packet}`, {}, async (context) => {
      context.watchEngine();
      context.watchAll();
      const client = await joined(context);
      client.send(packet);
      client.send('42["end"]');
      await Promise.race([client.closed, context.seen("server", /^end/)]);
    });
  }

  for (const packet of [
    "4",
    "49",
    "42",
    "42{}",
    "42[]",
    "42[null]",
    '42["a"',
    "43",
    '43x["a"]',
    "45",
    '451-["a"]',
    '450-["a"]',
    "4511-[]",
    "hello",
  ]) {
    differential(`garbage ${packet}`, {}, async (context) => {
      context.watchEngine();
      context.watchAll();
      const client = await joined(context);
      client.send(packet);
      client.send('42["end"]');
      await Promise.race([client.closed, context.seen("server", /^end/)]);
    });
  }
});

describe("methods of a socket", () => {
  differential("middlewares on packets", {}, async (context) => {
    context.io.on("connection", (socket) => {
      context.watch(socket);
      socket.use((event, next) => {
        context.note("middleware", event);
        if (event[0] === "refused") next(new Error("not allowed"));
        else {
          event.push("added");
          next();
        }
      });
    });
    const client = await joined(context);
    for (const packet of ['42["one",1]', '42["refused"]', '42["end"]']) client.send(packet);
    await context.seen("server", "end");
  });

  differential("reserved names and the any family", {}, async (context) => {
    const tryReserved = (socket: Socket, name: string): void => {
      try {
        socket.emit(name);
        context.note("server", name, "was sent");
      } catch (error) {
        context.note("server", name, (error as Error).message);
      }
    };
    context.io.on("connection", (socket) => {
      for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])
        tryReserved(socket, name);
      socket.prependAny((event: string) => context.note("any", "prepended", event));
      socket.onAny((event: string) => context.note("any", "appended", event));
      socket.onAnyOutgoing((...args: unknown[]) => context.note("outgoing", args));
      socket.emit("out", 1, Buffer.from("x"));
      context.io.emit("to all", 2);
      socket.send("sent", 3);
      context.note("server", socket.listenersAny().length, socket.listenersAnyOutgoing().length);
    });
    const client = await joined(context);
    client.send('42["in",1]');
    await context.seen("any", "appended in");
    await client.until((packet) => packet.includes("sent"));
  });
});

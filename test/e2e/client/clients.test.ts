import type { Socket } from "socket.io";
import type { Socket as ClientSocket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ask, CLIENTS, WAYS, type ClientOptions, type Connect } from "../../support/clients.ts";
import { serve, type Running } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

let server: Running;
const open: ClientSocket[] = [];

beforeAll(async () => {
  server = await serve(subject, { allowEIO3: true, maxHttpBufferSize: 2e7 });
  for (const namespace of ["/", "/chat"]) server.io.of(namespace).on("connection", serveSocket);
});
afterEach(() => {
  for (const client of open.splice(0)) client.disconnect();
});
afterAll(() => server.stop());

function serveSocket(socket: Socket): void {
  socket.emit("welcome", socket.nsp.name);
  socket.on("echo", (...args: unknown[]) => {
    const answer = args.pop() as (...answers: unknown[]) => void;
    answer(...args);
  });
  socket.on("join", (room: string, answer: (rooms: string[]) => void) => {
    void socket.join(room);
    answer([...socket.rooms].filter((name) => name !== socket.id));
  });
  socket.on("say", (room: string, ...args: unknown[]) => socket.to(room).emit("said", ...args));
  socket.on("ask me", async (answer: (value: unknown) => void) =>
    answer(await socket.emitWithAck("question", Buffer.from("q"))),
  );
  socket.on("kick me", () => socket.disconnect());
  socket.on("cut me", () => socket.conn.close());
  socket.on("count", (count: number) => {
    for (let i = 0; i < count; i++) socket.emit("number", i, i % 50 === 0 ? Buffer.from(String(i)) : i);
  });
}

function start(connect: Connect, options: ClientOptions, namespace = "/"): ClientSocket {
  const client = connect(`${server.url}${namespace}`, options);
  open.push(client);
  return client;
}

async function connected(connect: Connect, options: ClientOptions, namespace = "/"): Promise<ClientSocket> {
  const client = start(connect, options, namespace);
  await nextEvent(client, "connect");
  return client;
}

/**
 * Client 1.x encodes text twice where it polls without binary support (Node): any server of revision 3 hands the result
 * on as it is, and an answer that takes the same way back comes out right. So the text may not change ways in between.
 */
async function settled(client: ClientSocket, version: string, options: ClientOptions): Promise<void> {
  const { engine } = client.io;
  if (!version.endsWith(" 1.7") || options.transports || engine.transport.name === "websocket") return;
  await nextEvent(engine, "upgrade");
}

/** The argument is a number, or its digits as bytes. */
const asNumber = (value: unknown): number =>
  typeof value === "number" ? value : Number(Buffer.from(value as Buffer).toString());

describe.each(Object.entries(CLIENTS))("%s", (_version, connect) => {
  describe.each(Object.entries(WAYS))("%s", (way, options) => {
    test("connects, and receives events at once", async () => {
      const client = start(connect, options);
      const [[name]] = await Promise.all([nextEvent(client, "welcome"), nextEvent(client, "connect")]);
      expect(name).toBe("/");
      expect(client.connected).toBe(true);
    });

    test("gets its acks, text and binary", async () => {
      const client = await connected(connect, options);
      await settled(client, _version, options);
      expect(await ask(client, "echo", { text: "é€😀", list: [1, null, true] })).toEqual({
        text: "é€😀",
        list: [1, null, true],
      });
      const back = await ask<{ a: Buffer; b: Buffer[] }>(client, "echo", {
        a: Buffer.from([0, 255]),
        b: [Buffer.from("b")],
      });
      expect(Buffer.from(back.a)).toEqual(Buffer.from([0, 255]));
      expect(Buffer.from(back.b[0] as Buffer).toString()).toBe("b");
    });

    test("answers the server's question", async () => {
      const client = await connected(connect, options);
      client.on("question", (data: Buffer, answer: (value: Buffer) => void) =>
        answer(Buffer.concat([data, Buffer.from("!")])),
      );
      expect(Buffer.from(await ask<Buffer>(client, "ask me")).toString()).toBe("q!");
    });

    test("emits to a room, and others receive it", async () => {
      const [speaker, member, stranger] = await Promise.all([1, 2, 3].map(() => connected(connect, options)));
      const room = `room of ${_version} ${way}`;
      expect(await ask(member as ClientSocket, "join", room)).toEqual([room]);
      const overheard: unknown[] = [];
      stranger?.on("said", (...args: unknown[]) => overheard.push(args));
      const heard = nextEvent(member as ClientSocket, "said");
      speaker?.emit("say", room, "hello", Buffer.from("b"));
      const [text, data] = await heard;
      expect([text, Buffer.from(data as Buffer).toString()]).toEqual(["hello", "b"]);
      await ask(stranger as ClientSocket, "echo", 1);
      expect(overheard).toEqual([]);
    });

    test("joins another namespace", async () => {
      const client = start(connect, options, "/chat");
      expect(await nextEvent(client, "welcome")).toEqual(["/chat"]);
      expect(await ask(client, "echo", "there")).toBe("there");
    });

    test("learns that a namespace does not exist", async () => {
      const client = start(connect, options, "/unknown");
      const [error] = await nextEvent(client, / [12]\./.test(_version) ? "error" : "connect_error");
      expect((error as Error).message).toBe("Invalid namespace");
    });

    test("gets a large message back", async () => {
      const client = await connected(connect, options);
      await settled(client, _version, options);
      const text = "é".repeat(600_000);
      expect(await ask(client, "echo", text)).toBe(text);
      const data = Buffer.alloc(3_000_000, 9);
      expect(data.equals(Buffer.from(await ask<Buffer>(client, "echo", data)))).toBe(true);
    });

    test("receives 1,000 events in order while it sends as many", async () => {
      const client = start(connect, options);
      const numbers: number[] = [];
      const all = new Promise<void>((resolve) => {
        client.on("number", (index: number, value: unknown) => {
          expect(asNumber(value)).toBe(index);
          numbers.push(index);
          if (numbers.length === 1000) resolve();
        });
      });
      await nextEvent(client, "connect");
      client.emit("count", 1000);
      const answers = await Promise.all(
        Array.from({ length: 1000 }, (_value, index) => ask<number>(client, "echo", index)),
      );
      await within(all, () => `1,000 events; ${numbers.length} came`);
      expect(numbers).toEqual(answers);
    });

    test("is disconnected by the server", async () => {
      const client = await connected(connect, options);
      client.emit("kick me");
      expect((await nextEvent(client, "disconnect"))[0]).toBe("io server disconnect");
    });

    test("comes back by itself when the connection is cut", async () => {
      const client = await connected(connect, {
        ...options,
        reconnection: true,
        reconnectionDelay: 1,
        randomizationFactor: 0,
      });
      const first = client.id;
      client.emit("cut me");
      expect((await nextEvent(client, "disconnect"))[0]).toBe("transport close");
      await nextEvent(client, "connect");
      expect(client.id).not.toBe(first);
      expect(await ask(client, "echo", "back")).toBe("back");
    });

    test("leaves, and the server knows", async () => {
      const connection = nextEvent<[Socket]>(server.io, "connection");
      const client = await connected(connect, options);
      const [socket] = await connection;
      const gone = nextEvent(socket, "disconnect");
      client.disconnect();
      expect(["client namespace disconnect", "transport close"]).toContain((await gone)[0]);
      expect(socket.rooms.size).toBe(0);
    });
  });

  test("ends up on WebSocket when it may", async () => {
    const connection = nextEvent<[Socket]>(server.io, "connection");
    const client = start(connect, {});
    const [socket] = await connection;
    if (socket.conn.transport.name !== "websocket") await nextEvent(socket.conn, "upgrade");
    expect(socket.conn.transport.name).toBe("websocket");
    expect(await ask(client, "echo", "over websocket")).toBe("over websocket");
  });
});

test("150 clients of all kinds get every broadcast and every ack", async () => {
  const kinds = Object.values(CLIENTS).flatMap((connect) =>
    Object.values(WAYS).map((options) => ({ connect, options })),
  );
  const clients = await Promise.all(
    Array.from({ length: 150 }, (_value, index) => {
      const { connect, options } = kinds[index % kinds.length] as (typeof kinds)[number];
      return connected(connect, options);
    }),
  );
  const heard = clients.map((client) => nextEvent(client, "to all"));
  server.io.emit("to all", "hello", Buffer.from("b"));
  const answers = await Promise.all(clients.map((client, index) => ask<number>(client, "echo", index)));
  expect(answers).toEqual(clients.map((_client, index) => index));
  for (const [text, data] of await Promise.all(heard)) {
    expect([text, Buffer.from(data as Buffer).toString()]).toEqual(["hello", "b"]);
  }
});

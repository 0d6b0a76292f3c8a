import { type AddressInfo, createServer } from "node:net";
import { io as ourIo } from "@portage/client";
import { io as referenceIo, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { expect, test } from "vitest";
import { type ScriptedConnection, ScriptedServer } from "../support/scripted/scripted-server.ts";
import { nextEvent, turn, within } from "../support/waiting.ts";

// The same program on socket.io-client and on Portage's client, with one scripted server: the client's packets and the
// program's events, in order.

type Options = Partial<ManagerOptions & SocketOptions>;

class Program {
  readonly server: ScriptedServer;
  readonly trace: string[] = [];
  readonly #io: typeof referenceIo;
  readonly #sockets: Socket[] = [];

  constructor(io: typeof referenceIo, server: ScriptedServer) {
    this.#io = io;
    this.server = server;
  }

  note(...values: unknown[]): void {
    const shown = values.map((value) => {
      if (value instanceof Error) return `Error ${value.message} ${JSON.stringify((value as { data?: unknown }).data)}`;
      if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
      return typeof value === "function" ? "function" : JSON.stringify(value);
    });
    this.trace.push(shown.join(" "));
  }

  /** A socket with its events and its manager's events in the trace. */
  client(options: Options = {}, nsp = "", url = this.server.url): Socket {
    const socket = this.#io(url + nsp, {
      forceNew: true,
      transports: ["websocket"],
      reconnectionDelay: 1,
      reconnectionDelayMax: 2,
      randomizationFactor: 0,
      ...options,
    });
    this.#sockets.push(socket);
    this.watch(socket);
    for (const name of [
      "open",
      "error",
      "close",
      "reconnect",
      "reconnect_attempt",
      "reconnect_error",
      "reconnect_failed",
    ]) {
      socket.io.on(name as "error", (...args: unknown[]) => this.note("manager", name, ...visible(args)));
    }
    return socket;
  }

  watch(socket: Socket): void {
    const nsp = (socket as unknown as { nsp: string }).nsp;
    const state = (): unknown[] => [socket.connected, socket.active, socket.id ?? null];
    socket.on("connect", () => this.note(nsp, "connect", ...state(), socket.recovered || false));
    socket.on("connect_error", (error) => this.note(nsp, "connect_error", error, ...state()));
    socket.on("disconnect", (reason, details) =>
      this.note(nsp, "disconnect", reason, ...state(), details instanceof Error ? "an error" : typeof details),
    );
    socket.onAny((event: string, ...args: unknown[]) => this.note(nsp, "<", event, ...args));
    socket.onAnyOutgoing((event: string, ...args: unknown[]) => this.note(nsp, ">", event, ...args));
  }

  /** A connected socket, and its connection. */
  async connected(options?: Options): Promise<[Socket, ScriptedConnection]> {
    const socket = this.client(options);
    const connection = await this.server.connection();
    const connect = nextEvent(socket, "connect");
    await connection.accept();
    await connect;
    return [socket, connection];
  }

  stop(): void {
    for (const socket of this.#sockets) socket.disconnect();
  }
}

/** Close details contain events of the platform, or describe unreadable data in other words. */
function visible(args: unknown[]): unknown[] {
  if (args[0] === "parse error") return args.slice(0, 1);
  return args.filter((value) => value instanceof Error || typeof value !== "object");
}

type Script = (program: Program) => Promise<unknown>;

async function run(io: typeof referenceIo, script: Script): Promise<unknown> {
  const server = await ScriptedServer.listen();
  const program = new Program(io, server);
  try {
    await within(script(program), "the program to end", 5000);
    return { trace: program.trace, wire: server.all.map((connection) => connection.received) };
  } finally {
    program.stop();
    await server.stop();
  }
}

function differential(name: string, script: Script, normalize: (outcome: unknown) => unknown = (same) => same): void {
  test(name, async () => {
    const ours = await run(ourIo as unknown as typeof referenceIo, script);
    expect(normalize(ours)).toEqual(normalize(await run(referenceIo, script)));
  });
}

differential("events and acknowledgements, both ways", async (program) => {
  const [socket, connection] = await program.connected();
  socket.on("ask", (value: number, answer: (...values: unknown[]) => void) => {
    answer(value, Buffer.from("ab"));
    answer("again");
  });
  socket.emit("hello", 1, { two: [3, null] }, (...answers: unknown[]) => program.note("ack", ...answers));
  socket.emit("bytes", Uint8Array.of(1, 2), { deep: [Buffer.from("x")] });
  socket.send("text");
  await connection.next();
  connection.send(
    '430["yes",2]',
    '430["twice"]',
    '421["ask",5]',
    '2["other"]',
    '451-["b",{"_placeholder":true,"num":0}]',
  );
  const bytes = nextEvent(socket, "b");
  connection.send(Buffer.from("bytes"));
  await bytes;
  while (!connection.received.some((message) => message.startsWith("461-1"))) await connection.next();
});

differential("what is emitted early waits, but for volatile events", async (program) => {
  const socket = program.client({ auth: { token: "x" } });
  socket.emit("a", 1);
  socket.volatile.emit("b");
  socket.emit("c", () => {});
  const connection = await program.server.connection();
  await connection.accept();
  await nextEvent(socket, "connect");
  socket.volatile.emit("d");
  socket.emit("e");
  while (!connection.received.some((message) => message.includes('"e"'))) await connection.next();
});

differential("events that come before CONNECT is answered", async (program) => {
  const socket = program.client();
  const connection = await program.server.connection();
  await connection.next();
  connection.send('42["early",1]', '42["early",2]', '40{"sid":"abc"}', '42["late"]');
  await nextEvent(socket, "late");
});

differential("credentials of a function, and a namespace", async (program) => {
  const socket = program.client({ auth: (cb) => cb({ token: "y" }) }, "/chat?x=1");
  const connection = await program.server.connection();
  await connection.accept();
  await nextEvent(socket, "connect");
});

differential("a refusal, then another try", async (program) => {
  const socket = program.client();
  const connection = await program.server.connection();
  await connection.next();
  connection.send('44{"message":"no","data":{"code":7}}');
  await nextEvent(socket, "connect_error");
  await turn();
  socket.connect();
  const second = await program.server.connection();
  await second.accept();
  await nextEvent(socket, "connect");
});

differential("the server says good-bye, and the client comes back", async (program) => {
  const [socket, connection] = await program.connected();
  connection.send("41");
  await nextEvent(socket, "disconnect");
  await turn();
  socket.connect();
  await (await program.server.connection()).accept("def");
  await nextEvent(socket, "connect");
});

differential("the client says good-bye", async (program) => {
  const [socket, connection] = await program.connected();
  socket.disconnect();
  socket.emit("later");
  await connection.next();
});

differential("a lost connection is opened again", async (program) => {
  const [socket, connection] = await program.connected();
  socket.emit("a", () => program.note("never"));
  socket.timeout(1000).emit("b", (error: Error) => program.note("timed", error));
  socket.emitWithAck("c").catch((error: Error) => program.note("promised", error));
  for (let i = 0; i < 3; i++) await connection.next();
  connection.cut();
  await nextEvent(socket, "disconnect");
  socket.emit("while away");
  const second = await program.server.connection();
  await second.accept("def");
  await nextEvent(socket, "connect");
  await second.next();
});

differential("the server is gone for good", async (program) => {
  const [socket] = await program.connected({ reconnectionAttempts: 3 });
  const failed = nextEvent(socket.io as never, "reconnect_failed");
  await program.server.stop();
  await failed;
  await turn();
});

differential("no server at all, without reconnection", async (program) => {
  await program.server.stop();
  const socket = program.client({ reconnection: false });
  await nextEvent(socket, "connect_error");
  await turn();
});

differential("no server at all, a few attempts", async (program) => {
  await program.server.stop();
  const socket = program.client({ reconnectionAttempts: 2 });
  await nextEvent(socket.io as never, "reconnect_failed");
  await turn();
});

differential("a server that never answers", async (program) => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const socket = program.client({ timeout: 20, reconnection: false }, "", `http://127.0.0.1:${port}`);
  await nextEvent(socket, "connect_error");
  await turn();
  silent.close();
});

differential("garbage", async (program) => {
  const [socket, connection] = await program.connected();
  connection.send("4garbage");
  await nextEvent(socket, "disconnect");
  await (await program.server.connection()).accept("def");
  await nextEvent(socket, "connect");
});

differential("acknowledgements that come late", async (program) => {
  const [socket, connection] = await program.connected({ ackTimeout: 10 });
  await new Promise<void>((resolve) => {
    socket.emit("slow", (...args: unknown[]) => {
      program.note("ack", ...args);
      resolve();
    });
  });
  const news = nextEvent(socket, "news");
  connection.send("430[1]", '42["news"]');
  await news;
  const error = await socket
    .timeout(5)
    .emitWithAck("slower")
    .catch((error: Error) => error);
  program.note(error);
  // The time may be over before the server has read the event.
  await connection.next();
  await connection.next();
});

/** All tries of an event have one id here, and a new one each there. The server learns that the client repeats events. */
const withoutIds = (outcome: unknown): unknown =>
  JSON.parse(
    JSON.stringify(outcome)
      .replaceAll(/"42\d+\[/g, '"42[')
      .replaceAll(/"40\{\\"retries\\":\d\}"/g, '"40"'),
  );

/** Reads an event, and acknowledges it. */
async function answer(connection: ScriptedConnection, text: string): Promise<void> {
  const id = /^42(\d+)/.exec(await connection.next())?.[1];
  connection.send(`43${id}${text}`);
}

differential(
  "retries, over a lost connection",
  async (program) => {
    const [socket, connection] = await program.connected({ retries: 3, ackTimeout: 2000 });
    socket.emit("a", 1, (...args: unknown[]) => program.note("a", ...args));
    socket.emit("b", (...args: unknown[]) => program.note("b", ...args));
    await connection.next();
    connection.cut();
    const second = await program.server.connection();
    await second.accept("def");
    await answer(second, "[1]");
    await answer(second, '["two"]');
    second.send('42["done"]');
    await nextEvent(socket, "done");
  },
  withoutIds,
);

differential(
  "retries, until they are used up",
  async (program) => {
    const [socket] = await program.connected({ retries: 2, ackTimeout: 10 });
    await new Promise<void>((resolve) => {
      socket.emit("a", (...args: unknown[]) => {
        program.note("a", ...args);
        resolve();
      });
    });
  },
  withoutIds,
);

differential("recovery", async (program) => {
  const socket = program.client();
  const first = await program.server.connection();
  await first.accept("abc", { pid: "private" });
  await nextEvent(socket, "connect");
  const event = nextEvent(socket, "a");
  first.send('42["a","offset"]');
  await event;
  first.cut();
  const second = await program.server.connection();
  program.note(await second.next());
  second.send('42["missed","offset-2"]', '40{"sid":"abc","pid":"private"}');
  await nextEvent(socket, "connect");
  await turn();
});

differential("two namespaces on one connection", async (program) => {
  const [socket, connection] = await program.connected();
  const other = socket.io.socket("/other");
  program.watch(other);
  await connection.accept("def");
  await nextEvent(other, "connect");
  const [a, b] = [nextEvent(socket, "a"), nextEvent(other, "a")];
  connection.send('42/other,["a",1]', '42["a",2]', '42/nobody,["a",3]');
  await Promise.all([a, b]);
  socket.disconnect();
  other.emit("still here");
  while (!connection.received.at(-1)?.includes("still here")) await connection.next();
  other.disconnect();
});

differential("a listener that disconnects while the connection is being opened again", async (program) => {
  const [socket, connection] = await program.connected();
  const attempt = new Promise<void>((resolve) => {
    socket.io.on("reconnect_attempt", () => {
      socket.disconnect();
      resolve();
    });
  });
  connection.cut();
  await attempt;
  await turn();
});

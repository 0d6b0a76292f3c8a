/*
 * The entry `trace` of our client with a server that traces: one trace from a span of the client to one of the server, and
 * back. Also servers that know nothing of it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { Manager, type Socket as ClientSocket } from "@portage/client";
import { traced, type TraceOptions } from "@portage/client/trace";
import { Manager as WebSocketManager } from "@portage/client/websocket";
import { Server, type Socket } from "@portage/server";
import { type Instrumentation, instrument } from "@portage/server/otel";
import { Server as ReferenceServer } from "socket.io";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WAYS } from "../../support/clients.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { linksOf, Recorder } from "../../unit/otel/spans.ts";
import { Ferry } from "../carry/ferry.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const spanId = (n: number): string => `b7ad6b716920333${n}`;

/** The number of the event that the program is about to send. */
const active = new AsyncLocalStorage<number>();

const SENDING: TraceOptions = {
  traceparent() {
    const n = active.getStore();
    return n === undefined ? undefined : `00-${TRACE}-${spanId(n)}-01`;
  },
};

/** Contexts that came with events of the server, and what `run` was called in. */
let received: [event: string, spanId: string][];
const inside = new AsyncLocalStorage<string>();

const BOTH: TraceOptions = {
  ...SENDING,
  onEvent({ event, traceparent }, run) {
    const id = traceparent.split("-")[2]!;
    received.push([event, id]);
    inside.run(id, run);
  },
};

let recorder: Recorder;
let tracing: Instrumentation | undefined;
let stop: () => Promise<void>;

beforeEach(() => {
  recorder = new Recorder();
  received = [];
});

afterEach(async () => {
  await stop();
  tracing?.stop();
  recorder.stop();
});

function trace(io: Server, propagate = true): void {
  tracing = instrument(io, { traces: recorder.provider, metrics: false, propagate });
}

type AnyServer = Pick<Server, "close" | "on" | "engine">;

/** Starts a server, and returns its address. */
async function start(create: (http: Host["http"]) => AnyServer): Promise<{ url: string; io: AnyServer }> {
  const host = new Host();
  const io = create(host.http);
  const clients: ClientSocket[] = [];
  stop = async () => {
    for (const client of clients) client.disconnect();
    await io.close();
    await host.drained();
  };
  await host.listen();
  return { url: host.url, io };
}

const tracingServer = (http: Host["http"]): Server => {
  const io = new Server(http);
  trace(io);
  return io;
};

/** Links to spans of the client, by number of the event. */
function contextsOf(spans: ReturnType<Recorder["named"]>): string[][] {
  return spans.map((span) => linksOf(span).slice(1));
}

const ENTRIES = { "@portage/client": Manager, "@portage/client/websocket": WebSocketManager };

describe.each(Object.entries(ENTRIES))("a context of %s arrives with its event", (_entry, ManagerClass) => {
  test.each(Object.entries(WAYS))("%s", async (_way, options) => {
    const { url, io } = await start(tracingServer);
    const numbers: unknown[] = [];
    io.on("connection", (socket: Socket) => {
      socket.on("number", (n: number, _bytes: unknown, done?: (n: number) => void) => {
        numbers.push(n);
        done?.(n);
      });
      socket.on("last", (done: () => void) => done());
    });
    const client = traced(ManagerClass, SENDING)(url, { ...(options as object), reconnection: false });
    // queued until the socket is connected
    active.run(1, () => client.emit("number", 1, null));
    client.emit("number", 2, null);
    await nextEvent(client as never, "connect");
    // on its way while the connection is upgraded
    await active.run(3, () => client.emitWithAck("number", 3, Buffer.from("three")));
    client.emit("number", 4, null);
    active.run(5, () => client.volatile.emit("number", 5, null));
    await client.emitWithAck("last");
    client.disconnect();
    await turn();
    expect(contextsOf(recorder.named("process / number"))).toEqual(
      numbers.map((n) => ((n as number) % 2 ? [spanId(n as number)] : [])),
    );
    expect(numbers.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(tracing!.malformed).toBe(0);
  });
});

test("each try of an event that is sent again has its context", async () => {
  const { url, io } = await start(tracingServer);
  let wasCut = false;
  io.on("connection", (socket: Socket) => {
    socket.on("number", (n: number, done: (n: number) => void) => {
      if (wasCut) return done(n);
      wasCut = true;
      socket.conn.close();
    });
  });
  const client = traced(Manager, SENDING)(url, { retries: 3, ackTimeout: 5000, reconnectionDelay: 10 });
  const answers = [1, 2].map((n) => active.run(n, () => client.emitWithAck("number", n)));
  expect(await Promise.all(answers)).toEqual([1, 2]);
  client.disconnect();
  await turn();
  expect(contextsOf(recorder.named("process / number"))).toEqual([[spanId(1)], [spanId(1)], [spanId(2)]]);
});

test("contexts arrive with the events that are sent while a connection is cut, and after its return", async () => {
  const ferry = await Ferry.launch({ connect: (url, options) => traced(Manager, BOTH)(url, options) });
  stop = () => ferry.stop();
  trace(ferry.io);
  // the handshake was answered before
  ferry.client.disconnect().connect();
  await ferry.connected();
  await ferry.upgraded();
  ferry.socket.on("number", (n: number, done?: () => void) => {
    ferry.socket.emit("back", n, () => {});
    done?.();
  });
  await active.run(1, () => ferry.client.emitWithAck("number", 1));
  ferry.cut();
  await ferry.adrift();
  active.run(2, () => ferry.client.emit("number", 2));
  await ferry.carried();
  await active.run(3, () => ferry.client.emitWithAck("number", 3));
  await turn();
  expect(contextsOf(recorder.named("process / number"))).toEqual([[spanId(1)], [spanId(2)], [spanId(3)]]);
  expect(received.map(([event]) => event)).toEqual(["back", "back", "back"]);
});

describe("a context of the server reaches the program", () => {
  test.each(Object.entries(WAYS))("%s", async (_way, options) => {
    const { url, io } = await start(tracingServer);
    io.on("connection", (socket: Socket) => {
      socket.on("ask", async (done: (answer: unknown) => void) => {
        socket.emit("bytes", Buffer.from("hi"));
        (io as Server).emit("all");
        done(await socket.emitWithAck("question", 1));
      });
    });
    const client = traced(Manager, BOTH)(url, { ...(options as object), reconnection: false });
    const heard: unknown[] = [];
    client.onAny((event: string) => heard.push([event, inside.getStore()]));
    client.on("question", (n: number, reply: (n: number) => void) => reply(n + 1));
    await nextEvent(client as never, "connect");
    expect(await client.emitWithAck("ask")).toBe(2);
    client.disconnect();
    await turn();
    const [bytes, question] = ["send / bytes", "send / question"].map(
      (name) => recorder.named(name)[0]!.spanContext().spanId,
    );
    expect(received).toEqual([
      ["bytes", bytes],
      ["question", question],
    ]);
    expect(heard).toEqual([
      ["bytes", bytes],
      ["all", undefined],
      ["question", question],
    ]);
  });
});

describe("servers without it get none", () => {
  const SERVERS: Record<string, (http: Host["http"]) => AnyServer> = {
    "ours, not instrumented": (http) => new Server(http),
    "ours, instrumented without `propagate`": (http) => {
      const io = new Server(http);
      trace(io, false);
      return io;
    },
    "socket.io": (http) => new ReferenceServer(http) as unknown as AnyServer,
  };

  describe.each(Object.entries(SERVERS))("%s", (_name, create) => {
    test.each(Object.entries(WAYS))("%s", async (_way, options) => {
      const { url, io } = await start(create);
      const noops: unknown[] = [];
      io.engine.on("connection", (session: Socket["conn"]) => {
        session.on("packet", ({ type, data }) => {
          if (type === "noop" && String(data).includes("-")) noops.push(data);
        });
      });
      io.on("connection", (socket: Socket) => {
        socket.on("ask", (n: number, done: (n: number) => void) => {
          socket.emit("question", n, (reply: number) => done(reply + 1));
        });
      });
      const client = traced(Manager, BOTH)(url, { ...(options as object), reconnection: false });
      client.on("question", (n: number, reply: (n: number) => void) => reply(n + 1));
      const answers = [1, 2, 3].map((n) => active.run(n, () => client.emitWithAck("ask", n)));
      expect(await Promise.all(answers)).toEqual([3, 4, 5]);
      expect([noops, received]).toEqual([[], []]);
      client.disconnect();
    });
  });
});

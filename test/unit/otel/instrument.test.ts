import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { Socket } from "@portage/server";
import { type Instrumentation, type InstrumentOptions, instrument } from "@portage/server/otel";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Bench, settle } from "../socketio/peer.ts";
import { linksOf, Recorder } from "./spans.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const REMOTE = `00-${TRACE_ID}-b7ad6b7169203331-01`;

let recorder: Recorder;
let tracing: Instrumentation | undefined;

beforeEach(() => {
  recorder = new Recorder();
});

afterEach(() => {
  tracing?.stop();
  recorder.stop();
});

async function traced(options: InstrumentOptions = {}, query: Record<string, string> = {}) {
  const bench = new Bench();
  tracing = instrument(bench.io, { traces: recorder.provider, ...options });
  bench.io.on("handler_error", () => {});
  return { bench, ...(await bench.join("/", { query })) };
}

const connectSpan = () => recorder.named("connect")[0]!.spanContext();

describe("the span of an event", () => {
  test("is a root of its own, linked to the connection, with the attributes of messaging", async () => {
    const { peer, socket } = await traced();
    socket.on("chat", () => {});
    await peer.say('2["chat","hi"]');
    const [span] = recorder.named("process / chat");
    expect(span).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: undefined });
    expect(span!.spanContext().traceId).not.toBe(connectSpan().traceId);
    expect(linksOf(span!)).toEqual([connectSpan().spanId]);
    expect(span!.attributes).toEqual({
      "messaging.system": "socket.io",
      "messaging.operation.type": "process",
      "messaging.operation.name": "on",
      "messaging.destination.name": "/",
      "messaging.message.body.size": 14,
      "messaging.socket.io.event_name": "chat",
      "network.protocol.name": "websocket",
    });
  });

  test("is the parent of what its listeners do, also after an await", async () => {
    const { peer, socket } = await traced();
    const tracer = recorder.provider.getTracer("test");
    socket.on("order", async () => {
      tracer.startSpan("before").end();
      await settle();
      tracer.startSpan("after").end();
    });
    await peer.say('2["order"]');
    await settle();
    expect(recorder.names).toEqual(["connect", "before", "after", "process / order"]);
    const [span] = recorder.named("process / order");
    for (const name of ["before", "after"]) {
      expect(recorder.named(name)[0]!.parentSpanContext?.spanId).toBe(span!.spanContext().spanId);
    }
  });

  test("has the name of the event only if there is a listener: clients make no names", async () => {
    const { peer } = await traced();
    await peer.say('2["made up"]');
    expect(recorder.names).toEqual(["connect", "process / _OTHER"]);
    expect(recorder.named("process / _OTHER")[0]!.attributes["messaging.socket.io.event_name"]).toBe("_OTHER");
  });

  test.each([
    [
      "throws",
      () => {
        throw Object.assign(new Error("full"), { code: "E_FULL" });
      },
    ],
    ["rejects", () => Promise.reject(Object.assign(new Error("full"), { code: "E_FULL" }))],
  ])("has the error of a listener that %s", async (_how, listener) => {
    const { peer, socket } = await traced();
    socket.on("order", listener);
    await peer.say('2["order"]');
    const [span] = recorder.named("process / order");
    expect(span!.status).toEqual({ code: SpanStatusCode.ERROR, message: "full" });
    expect(span!.attributes["error.type"]).toBe("E_FULL");
    expect(span!.events.map(({ name }) => name)).toEqual(["exception"]);
  });

  test("is left out for events to ignore", async () => {
    const { peer, socket } = await traced({ ignore: ["typing"] });
    socket.on("typing", () => {});
    socket.on("chat", () => {});
    await peer.say('2["typing"]', '2["chat"]');
    expect(recorder.names).toEqual(["connect", "process / chat"]);
  });

  test("is made for the given server alone, and until it stops", async () => {
    const { peer, socket } = await traced();
    const other = await new Bench().join();
    other.socket.on("a", () => {});
    await other.peer.say('2["a"]');
    socket.on("a", () => {});
    tracing!.stop();
    await peer.say('2["a"]');
    expect(recorder.names).toEqual(["connect"]);
  });
});

describe("the span of an emit", () => {
  test("is a child of the active span; without one, a ticker makes no spans", async () => {
    const { peer, socket } = await traced();
    socket.emit("tick");
    socket.on("ask", () => void socket.emit("news", 1));
    await peer.say('2["ask"]');
    expect(recorder.names).toEqual(["connect", "send / news", "process / ask"]);
    const [span] = recorder.named("send / news");
    expect(span!.kind).toBe(SpanKind.PRODUCER);
    expect(span!.parentSpanContext?.spanId).toBe(recorder.named("process / ask")[0]!.spanContext().spanId);
    expect(span!.attributes).toMatchObject({
      "messaging.operation.type": "send",
      "messaging.operation.name": "emit",
      "messaging.socket.io.event_name": "news",
    });
  });

  test("ends with its acknowledgement, which runs in the context of the emit", async () => {
    const { peer, socket } = await traced();
    const outer = recorder.provider.getTracer("test").startSpan("outer");
    let seen: unknown;
    context.with(trace.setSpan(context.active(), outer), () => {
      socket.emit("ask", () => {
        seen = trace.getSpan(context.active());
      });
    });
    expect(recorder.names).toEqual(["connect"]);
    await peer.say("30[]");
    expect(recorder.names).toEqual(["connect", "send / ask"]);
    expect(seen).toBe(outer);
  });

  test("has the error of an acknowledgement that does not come in time", async () => {
    const { bench, socket } = await traced();
    const late = socket.timeout(100).emitWithAck("ask");
    bench.clock.advance(100);
    await expect(late).rejects.toThrow();
    expect(recorder.named("send / ask")[0]!.attributes["error.type"]).toBe("ACK_TIMEOUT");
  });

  test("is not made for a broadcast", async () => {
    const { bench, peer, socket } = await traced();
    socket.on("ask", () => {
      bench.io.emit("all");
      bench.io
        .to("room")
        .timeout(10)
        .emit("all", () => {});
      socket.broadcast.emit("others");
    });
    await peer.say('2["ask"]');
    expect(recorder.names).toEqual(["connect", "process / ask"]);
  });

  test("does not wait for more acknowledgements than a thousand on one connection", async () => {
    const { socket } = await traced();
    for (let i = 0; i < 1001; i++) socket.emit("ask", () => {});
    expect(recorder.named("send / ask").map(({ attributes }) => attributes["error.type"])).toEqual(["TOO_MANY_ACKS"]);
  });
});

describe("the span of a connection", () => {
  test("is the parent of what middlewares and connection listeners do", async () => {
    const bench = new Bench();
    tracing = instrument(bench.io, { traces: recorder.provider });
    const tracer = recorder.provider.getTracer("test");
    bench.io.use((_socket, next) => {
      tracer.startSpan("middleware").end();
      next();
    });
    bench.io.on("connection", () => tracer.startSpan("listener").end());
    await bench.join();
    for (const name of ["middleware", "listener"]) {
      expect(recorder.named(name)[0]!.parentSpanContext?.spanId).toBe(connectSpan().spanId);
    }
    expect(recorder.named("connect")[0]!.attributes).toMatchObject({
      "messaging.destination.name": "/",
      "network.protocol.name": "websocket",
      "portage.transport": "websocket",
      "portage.revision": 4,
    });
  });
});

describe("the trace context of a client", () => {
  const withContext = async (propagate: boolean | "trust", noop = REMOTE) => {
    const { peer, socket } = await traced({ propagate });
    socket.on("a", () => {});
    peer.session.onPacket({ type: "noop", data: noop } as never);
    await peer.say('2["a"]', '2["a"]');
    return recorder.named("process / a");
  };

  test("is a link of the next event, so that it can't force sampling", async () => {
    const [first, second] = await withContext(true);
    expect(first!.parentSpanContext).toBeUndefined();
    expect(linksOf(first!)).toEqual([connectSpan().spanId, "b7ad6b7169203331"]);
    expect(linksOf(second!)).toEqual([connectSpan().spanId]);
  });

  test("is the parent if the program trusts its clients", async () => {
    const [first, second] = await withContext("trust");
    expect(first!.spanContext().traceId).toBe(TRACE_ID);
    expect(first!.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(second!.parentSpanContext).toBeUndefined();
  });

  test("is ignored without the option", async () => {
    const [first] = await withContext(false);
    expect(linksOf(first!)).toEqual([connectSpan().spanId]);
  });

  test.each([
    "",
    "x",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE_ID}-${"0".repeat(16)}-01`,
    `ff-${TRACE_ID}-b7ad6b7169203331-01`,
    `${REMOTE}-more`,
    REMOTE.toUpperCase(),
    `01${REMOTE.slice(2)}-${"x".repeat(512)}`,
    Buffer.from(REMOTE),
  ])("is ignored and counted if it is malformed: %s", async (noop) => {
    const [first] = await withContext(true, noop as string);
    expect(linksOf(first!)).toEqual([connectSpan().spanId]);
    expect(tracing!.malformed).toBe(1);
  });

  test.each(["17", "17?", undefined])("is not a count of the carry: %s", async (noop) => {
    await withContext(true, noop);
    expect(tracing!.malformed).toBe(0);
  });

  test("may be of a later version", async () => {
    const [first] = await withContext("trust", `cc${REMOTE.slice(2)}-what-the-future-says`);
    expect(first!.spanContext().traceId).toBe(TRACE_ID);
  });
});

test("another instrumentation of the same events is warned about", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const emit = vi.spyOn(Socket.prototype, "emit");
  Object.assign(emit, { __wrapped: true });
  tracing = instrument(new Bench().io, { traces: recorder.provider });
  emit.mockRestore();
  expect(warn.mock.calls).toEqual([
    ["Each event has two spans: remove @opentelemetry/instrumentation-socket.io", "PortageWarning"],
  ]);
  warn.mockRestore();
});

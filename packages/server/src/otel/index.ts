/*
 * Entry @portage/server/otel: spans and metrics for OpenTelemetry.
 * Knows: the channels of this server, and the API of OpenTelemetry, which the program installs.
 * Must not know: any SDK or exporter.
 */
import type { TracingChannel } from "node:diagnostics_channel";
import { type MeterProvider, metrics as globalMetrics, trace, type TracerProvider } from "@opentelemetry/api";
import { kTraceWire, type TraceWire } from "../engine/index.ts";
import type { AnyServer } from "../socketio/server.ts";
import { Socket } from "../socketio/socket/socket.ts";
import { createTraceWire, TRACES } from "../socketio/tracing.ts";
import { Connections } from "./connections.ts";
import { subscribeChannel } from "./channel.ts";
import { measureServer } from "./metrics.ts";
import { EmitSpans, EventSpans, type EventTracing } from "./events.ts";

/** What {@link instrument} does. */
export interface InstrumentOptions {
  /** Whether spans are made, or the provider of their tracer. Default: true, with the global provider. */
  traces?: boolean | TracerProvider;
  /**
   * Whether the metrics of `io.metrics()` are made instruments, or the provider of their meter. Counters and gauges are read
   * in one `io.stats()` for each collection. Default: true, with the global provider.
   */
  metrics?: boolean | MeterProvider;
  /**
   * Whether clients may send trace contexts. A client that asks for it also gets the context of each emit to it alone. A context
   * from a client becomes a link of the span of its event; with "trust" it is the parent, and the client decides about sampling.
   * Default: false.
   */
  propagate?: boolean | "trust";
  /** Events that get no span: their names, or a function. Default: none. */
  ignore?: readonly string[] | ((event: string, namespace: string) => boolean);
}

/** What {@link instrument} returns. */
export interface Instrumentation {
  /** Trace contexts of clients that were malformed, and ignored. */
  readonly malformed: number;
  /** Stops it. Spans that are open end as they would have. */
  stop(): void;
}

export type { ConnectTrace, EmitTrace, Enter, EventTrace } from "../socketio/tracing.ts";
export type { AnyServer };

type Subscriber<Message> = (message: Message) => void;

/** The parts of a tracing channel that spans listen to. */
type Parts<Message> = Partial<Record<"start" | "end" | "asyncEnd" | "error", Subscriber<Message>>>;

/**
 * Traces a server with OpenTelemetry. Needs `@opentelemetry/api`; without an SDK, nothing is recorded.
 *
 * - `process <namespace> <event>`: the listeners of an event of a client, promises included. A trace of its own, linked to the
 *   span of the connection.
 * - `send <namespace> <event>`: an event to one client, inside an active span or with an acknowledgement.
 * - `connect`: from the handshake to the first namespace, with its middlewares.
 * - `disconnect`: the end, with its code, limit and actual value.
 *
 * @param io the server, before clients connect
 * @returns what stops it
 * @example
 * import { instrument } from "@portage/server/otel";
 *
 * const tracing = instrument(io, { propagate: true, ignore: ["typing"] });
 * process.once("SIGTERM", () => tracing.stop());
 */
export function instrument(io: AnyServer, options: InstrumentOptions = {}): Instrumentation {
  const { traces = true, metrics = true, propagate = false } = options;
  const stops = traces === false ? [] : traceServer(io, options, traces === true ? trace.getTracerProvider() : traces);
  if (metrics !== false) {
    stops.push(measureServer(io, metrics === true ? globalMetrics.getMeterProvider() : metrics));
  }
  const counts = { malformed: 0 };
  if (propagate !== false && traces !== false) {
    stops.push(propagateTraces(io, () => (counts.malformed += 1)));
  }
  return {
    get malformed() {
      return counts.malformed;
    },
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function traceServer(io: AnyServer, options: InstrumentOptions, provider: TracerProvider): (() => void)[] {
  warnIfTwo();
  const tracer = provider.getTracer("@portage/server");
  const { ignore, propagate = false } = options;
  const connections = new Connections(io, tracer, propagate !== false);
  const isIgnored = typeof ignore === "function" ? ignore : (event: string) => ignore?.includes(event) === true;
  const tracing: EventTracing = { server: io, tracer, connections, isIgnored, trustsClients: propagate === "trust" };
  const events = new EventSpans(tracing);
  return [
    subscribeTo(TRACES.connect, connections),
    subscribeTo(TRACES.event, events),
    subscribeTo(TRACES.emit, new EmitSpans(tracing)),
    subscribeChannel("portage.session.close", connections.closed),
    subscribeChannel("portage.event.handled", events.handled),
  ];
}

/** Subscribes to some parts of a tracing channel. Returns what undoes it. */
function subscribeTo<Message extends object>(
  traced: TracingChannel<Message, Message>,
  parts: Parts<Message>,
): () => void {
  const { start, end, asyncEnd, error } = parts;
  const subscribers = { start, end, asyncEnd, error } as Parameters<typeof traced.subscribe>[0];
  traced.subscribe(subscribers);
  return () => traced.unsubscribe(subscribers);
}

/** Lets clients send trace contexts, on all engines that the server has or gets. Returns what undoes it. */
function propagateTraces(io: AnyServer, onMalformed: () => void): () => void {
  const wire = createTraceWire(onMalformed);
  const set = (value: TraceWire | undefined): void => {
    for (const target of [io, io.engine]) if (target !== undefined) Object.assign(target, { [kTraceWire]: value });
  };
  set(wire);
  return () => set(undefined);
}

/** Warns if `@opentelemetry/instrumentation-socket.io` has wrapped our methods: each event would have two spans. */
function warnIfTwo(): void {
  // oxlint-disable-next-line typescript/unbound-method -- looked at, not called
  const { on, emit } = Socket.prototype;
  if (!("__wrapped" in on || "__wrapped" in emit)) return;
  const message = "Each event has two spans: remove @opentelemetry/instrumentation-socket.io";
  process.emitWarning(message, "PortageWarning");
}

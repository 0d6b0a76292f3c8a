import {
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Exemplar } from "../engine/index.ts";
import type { EmitTrace, EventTrace } from "../socketio/tracing.ts";
import type { Connections } from "./connections.ts";
import {
  createExemplar,
  SPAN_ATTRIBUTES,
  eventAttributes,
  OTHER_EVENT,
  readTraceparent,
  recordError,
} from "./names.ts";

/** What the spans of events need. */
export interface EventTracing {
  readonly server: object;
  readonly tracer: Tracer;
  readonly connections: Connections;
  /** Whether the trace context of a client is the parent, not a link. */
  readonly trustsClients: boolean;
  readonly isIgnored: (event: string, namespace: string) => boolean;
}

const kSpan = Symbol("span");

/** A message of a channel, with its span. */
interface Spanned {
  [kSpan]?: Span | undefined;
}

/** The listeners of an event are done, of a server with the option `eventMetrics`. */
interface MeasuredEvent {
  readonly counts: { keepExemplar(exemplar: Exemplar): void };
  readonly seconds: number;
  readonly trace: object;
}

/** Makes a span of each event of a client: a root of its own, around its listeners. */
export class EventSpans {
  readonly #tracing: EventTracing;

  constructor(tracing: EventTracing) {
    this.#tracing = tracing;
  }

  readonly start = (received: EventTrace & Spanned): void => {
    const { socket, size } = received;
    const { server, tracer, connections, isIgnored } = this.#tracing;
    if (socket.server !== server) return;
    const namespace = socket.nsp.name;
    const event = socket.listenerCount(received.event) > 0 ? received.event : OTHER_EVENT;
    if (isIgnored(event, namespace)) return;
    const remote = received.traceparent === undefined ? undefined : readTraceparent(received.traceparent);
    const attributes = eventAttributes("process", { namespace, event, transport: socket.conn.transport.name });
    if (size !== undefined) attributes[SPAN_ATTRIBUTES.bodySize] = size;
    const links = [...connections.linksTo(socket.conn), ...this.#linkTo(remote)];
    const options = { kind: SpanKind.CONSUMER, attributes, links };
    const span = tracer.startSpan(`process ${namespace} ${event}`, options, this.#parent(remote));
    received[kSpan] = span;
    const inside = trace.setSpan(ROOT_CONTEXT, span);
    received.enter = (run) => context.with(inside, run);
  };

  /** A client that is not trusted can't decide which traces are recorded. */
  #parent(remote: SpanContext | undefined): Context {
    return remote !== undefined && this.#tracing.trustsClients
      ? trace.setSpanContext(ROOT_CONTEXT, remote)
      : ROOT_CONTEXT;
  }

  #linkTo(remote: SpanContext | undefined): Link[] {
    return remote === undefined || this.#tracing.trustsClients ? [] : [{ context: remote }];
  }

  readonly error = ({ [kSpan]: span, error }: EventTrace & Spanned): void => {
    if (span !== undefined) recordError(span, error);
  };

  readonly end = ({ [kSpan]: span, promises }: EventTrace & Spanned): void => {
    if (promises === 0) span?.end();
  };

  readonly asyncEnd = ({ [kSpan]: span }: EventTrace & Spanned): void => span?.end();

  /** Makes the span the exemplar of the duration. Events of other servers have no span here. */
  readonly handled = ({ counts, seconds, trace: { [kSpan]: span } }: MeasuredEvent & { trace: Spanned }): void => {
    const exemplar = span && createExemplar(span, seconds);
    if (exemplar !== undefined) counts.keepExemplar(exemplar);
  };
}

/** Makes a span of each event to one client that wants an acknowledgement, or that a span is active for. */
export class EmitSpans {
  readonly #tracing: EventTracing;

  constructor(tracing: EventTracing) {
    this.#tracing = tracing;
  }

  readonly start = (sent: EmitTrace & Spanned): void => {
    const { socket, event, ack } = sent;
    const { server, tracer, connections, isIgnored } = this.#tracing;
    if (socket.server !== server) return;
    const active = context.active();
    const namespace = socket.nsp.name;
    if (!(ack || trace.getSpan(active) !== undefined) || isIgnored(event, namespace)) return;
    const attributes = eventAttributes("send", { namespace, event, transport: socket.conn.transport.name });
    const options = { kind: SpanKind.PRODUCER, attributes, links: connections.linksTo(socket.conn) };
    const span = tracer.startSpan(`send ${namespace} ${event}`, options);
    sent[kSpan] = span;
    sent.traceparent = connections.outgoing(socket.conn, span.spanContext());
    sent.enter = (run) => context.with(active, run);
    if (ack) connections.get(socket.conn)?.wait(span);
  };

  readonly error = ({ [kSpan]: span, error }: EmitTrace & Spanned): void => {
    if (span !== undefined) recordError(span, error);
  };

  readonly end = (sent: EmitTrace & Spanned): void => {
    if (!sent.ack || sent.error !== undefined) this.asyncEnd(sent);
  };

  readonly asyncEnd = ({ socket, [kSpan]: span }: EmitTrace & Spanned): void => {
    if (span === undefined) return;
    this.#tracing.connections.get(socket.conn)?.answered(span);
    span.end();
  };
}

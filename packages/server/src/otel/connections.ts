import { type Link, type Span, type SpanContext, SpanKind, trace, type Tracer, context } from "@opentelemetry/api";
import { type CloseReason, durationsOf, isNormalEnd, kEngineClock, type Session } from "../engine/index.ts";
import type { ConnectTrace } from "../socketio/tracing.ts";
import { createExemplar, SPAN_ATTRIBUTES, protocolOf, writeTraceparent } from "./names.ts";

/** Spans of one connection that wait for acknowledgements, at most. */
const MAX_WAITING = 1000;

/** The facts about one connection, from its handshake to its end. */
class TracedConnection {
  readonly span: Span;
  /** Whether the client reads trace contexts. */
  readonly acceptsContext: boolean;
  /** Spans of emits that wait for an acknowledgement. */
  readonly #waiting = new Set<Span>();

  constructor(span: Span, acceptsContext: boolean) {
    this.span = span;
    this.acceptsContext = acceptsContext;
  }

  /** A span ends with its acknowledgement, or with the connection. */
  wait(span: Span): void {
    const [oldest] = this.#waiting;
    if (this.#waiting.size >= MAX_WAITING && oldest !== undefined) this.#giveUp(oldest, "TOO_MANY_ACKS");
    this.#waiting.add(span);
  }

  answered(span: Span): void {
    this.#waiting.delete(span);
  }

  close(code: string): void {
    for (const span of this.#waiting) this.#giveUp(span, code);
  }

  #giveUp(span: Span, code: string): void {
    this.#waiting.delete(span);
    span.setAttribute(SPAN_ATTRIBUTES.errorType, code);
    span.end();
  }
}

/** Traces connections: a span from the handshake to the first namespace, and a short one at the end. */
export class Connections {
  readonly #server: object;
  readonly #tracer: Tracer;
  readonly #propagates: boolean;
  readonly #connections = new WeakMap<object, TracedConnection>();

  constructor(server: object, tracer: Tracer, propagates: boolean) {
    this.#server = server;
    this.#tracer = tracer;
    this.#propagates = propagates;
  }

  /** Returns undefined for a connection that was open before. */
  get(conn: object): TracedConnection | undefined {
    return this.#connections.get(conn);
  }

  /** Links to the span of a connection. */
  linksTo(conn: object): Link[] {
    const span = this.#connections.get(conn)?.span;
    return span === undefined ? [] : [{ context: span.spanContext() }];
  }

  /** Returns the context to send to a client: undefined unless it has asked for it. */
  outgoing(conn: object, span: SpanContext): string | undefined {
    return this.#connections.get(conn)?.acceptsContext === true ? writeTraceparent(span) : undefined;
  }

  readonly start = (opened: ConnectTrace): void => {
    const { conn, server } = opened.client;
    if (server !== this.#server) return;
    const attributes = {
      [SPAN_ATTRIBUTES.system]: "socket.io",
      [SPAN_ATTRIBUTES.protocol]: protocolOf(conn.transport.name),
      [SPAN_ATTRIBUTES.transport]: conn.transport.name,
      [SPAN_ATTRIBUTES.revision]: conn.protocol,
    };
    const span = this.#tracer.startSpan("connect", { kind: SpanKind.SERVER, attributes });
    this.#connections.set(conn, new TracedConnection(span, this.#propagates && asksForContext(conn)));
    const inside = trace.setSpan(context.active(), span);
    opened.enter = (run) => context.with(inside, run);
  };

  /** The connection has its first namespace, or has ended. */
  readonly asyncEnd = ({ client, socket, reason }: ConnectTrace): void => {
    const span = this.#connections.get(client.conn)?.span;
    if (socket !== undefined) span?.setAttribute(SPAN_ATTRIBUTES.destination, socket.nsp.name);
    else span?.setAttribute(SPAN_ATTRIBUTES.errorType, reason?.code ?? "NO_NAMESPACE");
    span?.end();
  };

  readonly closed = ({ session, reason }: { readonly session: Session; readonly reason: CloseReason }): void => {
    const connection = this.#connections.get(session);
    if (connection === undefined) return;
    this.#connections.delete(session);
    const { code, side, limit, actual, transport = session.transport.name } = reason;
    connection.close(code);
    const attributes = {
      [SPAN_ATTRIBUTES.system]: "socket.io",
      [SPAN_ATTRIBUTES.closeCode]: code,
      [SPAN_ATTRIBUTES.closeSide]: side,
      [SPAN_ATTRIBUTES.transport]: transport,
      ...(limit !== undefined && { [SPAN_ATTRIBUTES.closeLimit]: limit }),
      ...(actual !== undefined && { [SPAN_ATTRIBUTES.closeActual]: actual }),
      ...(!isNormalEnd(code) && { [SPAN_ATTRIBUTES.errorType]: code }),
    };
    const links = [{ context: connection.span.spanContext() }];
    const span = this.#tracer.startSpan("disconnect", { root: true, kind: SpanKind.INTERNAL, attributes, links });
    span.end();
    const { server, openedAt } = session;
    const exemplar = createExemplar(span, (server[kEngineClock].now() - openedAt) / 1000);
    if (exemplar !== undefined) durationsOf(server, { transport, code })?.keepExemplar(exemplar);
  };
}

/** Whether a client has asked for trace contexts in its handshake: `trace=1`. */
function asksForContext({ request }: Session): boolean {
  const { _query: query } = request as { _query?: Readonly<Record<string, unknown>> };
  return query?.["trace"] === "1";
}

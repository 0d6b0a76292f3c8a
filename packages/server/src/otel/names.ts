import {
  type Attributes,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import type { Exemplar } from "../engine/index.ts";

/** Stands for all values that a client could make up. */
export const OTHER_EVENT = "_OTHER";

/** Attributes of the semantic conventions for messaging, and one of `@opentelemetry/instrumentation-socket.io`. */
export const SPAN_ATTRIBUTES = {
  system: "messaging.system",
  operationType: "messaging.operation.type",
  operationName: "messaging.operation.name",
  destination: "messaging.destination.name",
  bodySize: "messaging.message.body.size",
  eventName: "messaging.socket.io.event_name",
  protocol: "network.protocol.name",
  errorType: "error.type",
  transport: "portage.transport",
  revision: "portage.revision",
  closeCode: "portage.close.code",
  closeSide: "portage.close.side",
  closeLimit: "portage.close.limit",
  closeActual: "portage.close.actual",
} as const;

/** Returns the name of the network protocol that carries a transport. */
export const protocolOf = (transport: string): string => (transport === "websocket" ? "websocket" : "http");

/** Returns the attributes that spans and metrics of an operation have. */
export const operationAttributes = (operation: "process" | "send"): Attributes => ({
  [SPAN_ATTRIBUTES.system]: "socket.io",
  [SPAN_ATTRIBUTES.operationType]: operation,
  [SPAN_ATTRIBUTES.operationName]: operation === "process" ? "on" : "emit",
});

/** Returns the attributes that all spans of one event have. */
export function eventAttributes(
  operation: "process" | "send",
  { namespace, event, transport }: { namespace: string; event: string; transport: string },
): Attributes {
  return {
    ...operationAttributes(operation),
    [SPAN_ATTRIBUTES.destination]: namespace,
    [SPAN_ATTRIBUTES.eventName]: event,
    [SPAN_ATTRIBUTES.protocol]: protocolOf(transport),
  };
}

/** Returns the `error.type` of what a function of the program threw, rejected with, or was given as an error. */
export function errorType(error: unknown): string {
  const { code, name }: { code?: unknown; name?: unknown } = Object(error);
  if (typeof code === "string" && code !== "") return code;
  return typeof name === "string" ? name : typeof error;
}

/** Records an error of a function of the program. */
export function recordError(span: Span, error: unknown): void {
  const { message }: { message?: unknown } = Object(error);
  span.setAttribute(SPAN_ATTRIBUTES.errorType, errorType(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(message ?? error) });
  if (error instanceof Error) span.recordException(error);
}

/** Returns the exemplar of a value that was measured during a span; undefined if the span is not sampled. */
export function createExemplar(span: Span, value: number): Exemplar | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : { value, at: Date.now(), traceId, spanId };
}

/** Reads a W3C trace context that was checked already. */
export function readTraceparent(traceparent: string): SpanContext {
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
}

/** Writes a W3C trace context; undefined for a span that is part of no trace. */
export function writeTraceparent(span: SpanContext): string | undefined {
  if (!isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01"}`;
}

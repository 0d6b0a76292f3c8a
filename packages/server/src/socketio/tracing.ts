/*
 * What tracers subscribe to: channels around the delivery of an event, an emit to one client, and the opening of a connection.
 * Knows: `node:diagnostics_channel`, listeners and their promises, the trace contexts that clients send.
 * Must not know: any tracer. Nothing here runs before somebody subscribes.
 */
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { type CloseReason, isTraceparent, type Session, type TraceWire } from "../engine/index.ts";
import type { AckCallback } from "./events/acks.ts";
import { REJECTION } from "./events/capturing-emitter.ts";
import type { Client } from "./client/client.ts";
import type { BroadcastFlags } from "./adapter/adapter.ts";
import type { TracedFlags } from "./adapter/send-plan.ts";
import { kSendEvent, kTraceparent } from "./keys.ts";
import type { AnyServerSocket } from "./socket/socket.ts";

/** Calls a function once, in a context of the subscriber. */
export type Enter = (run: () => void) => void;

/** The message of `tracing:portage.event:*`: the listeners of one event of a client are called. */
export interface EventTrace {
  /** The receiver of the event. */
  readonly socket: AnyServerSocket;
  /** The name of the event, as the client sent it. */
  readonly event: string;
  /** Bytes of the packet (characters of text); undefined with attachments, and with the option `parser`. */
  readonly size: number | undefined;
  /** Whether the client waits for an acknowledgement. */
  readonly ack: boolean;
  /** The W3C trace context that the client sent with the event. */
  readonly traceparent: string | undefined;
  /** Listeners that returned a promise. Complete at `end`; above 0, `asyncEnd` follows once all have settled. */
  promises: number;
  /** What a listener threw, or rejected with. */
  error: unknown;
  /** A subscriber of `start` may set it: the listeners are then called through it. */
  enter: Enter | undefined;
}

/** The message of `tracing:portage.emit:*`: an event is sent to one client. Broadcasts send none. */
export interface EmitTrace {
  /** The receiver of the event. */
  readonly socket: AnyServerSocket;
  /** The name of the event. */
  readonly event: string;
  /** Whether the program waits for an acknowledgement; `asyncEnd` is published with it, or when it has timed out. */
  readonly ack: boolean;
  /** A subscriber of `start` may set a W3C trace context that is sent before the event. */
  traceparent: string | undefined;
  /** What `emit` threw, or the timeout. */
  error: unknown;
  /** A subscriber of `start` may set it: the acknowledgement is then called through it. */
  enter: Enter | undefined;
}

/** The message of `tracing:portage.connect:*`: from the handshake of a connection to its first namespace. */
export interface ConnectTrace {
  /** The connection. */
  readonly client: Client;
  /** The first socket, at `asyncEnd`; undefined if the connection ended before. */
  socket: AnyServerSocket | undefined;
  /** Why the connection ended before it had a socket. */
  reason: CloseReason<string> | undefined;
  /** A subscriber of `start` may set it: the middlewares of namespaces are then called through it. */
  enter: Enter | undefined;
}

/** Channels of `node:diagnostics_channel`, for tracers. */
export const TRACES: {
  readonly event: TracingChannel<EventTrace, EventTrace>;
  readonly emit: TracingChannel<EmitTrace, EmitTrace>;
  readonly connect: TracingChannel<ConnectTrace, ConnectTrace>;
} = {
  event: tracingChannel("portage.event"),
  emit: tracingChannel("portage.emit"),
  connect: tracingChannel("portage.connect"),
};

// ---- trace contexts of clients ---------------------------------------------------------------------------------------

/** The trace context that came last on each session, until the packet that it belongs to. */
const announced = new WeakMap<Session, string>();

/** Takes the trace contexts of clients, which learn from the handshake that they may send them. */
export function createTraceWire(onMalformed: () => void): TraceWire {
  return {
    take(session, data) {
      if (isTraceparent(data)) announced.set(session as Session, data);
      else onMalformed();
    },
  };
}

// ---- events ----------------------------------------------------------------------------------------------------------

/** An event of a client: made when its packet arrives, complete when its listeners are called. One object for both is cheaper. */
class ArrivedEvent implements EventTrace {
  // Unknown until the delivery.
  socket!: AnyServerSocket;
  event = "";
  readonly size: number | undefined;
  readonly ack: boolean;
  readonly traceparent: string | undefined;
  promises = 0;
  error: unknown = undefined;
  enter: Enter | undefined = undefined;
  /** Called once, when the listeners have returned and their promises have settled. */
  onSettled: ((trace: EventTrace) => void) | undefined = undefined;

  constructor(size: number | undefined, ack: boolean, traceparent: string | undefined) {
    this.size = size;
    this.ack = ack;
    this.traceparent = traceparent;
  }
}

/** Key of the trace of an event that waits for its delivery, in its array: far cheaper than a WeakMap. */
const kArrival = Symbol("arrival");

type TracedEvent = readonly unknown[] & { [kArrival]?: ArrivedEvent };

/** Notes what came with a packet of a client. `message` is undefined with a parser of the program. */
export function noteArrival(
  conn: Session,
  { data, id }: { readonly data?: unknown; readonly id?: number | undefined },
  message: string | Buffer | undefined,
): void {
  const traceparent = announced.get(conn);
  if (traceparent !== undefined) announced.delete(conn);
  if (!Array.isArray(data)) return;
  // Bytes are the last attachment of the packet.
  const size = typeof message === "string" ? message.length : undefined;
  (data as TracedEvent)[kArrival] = new ArrivedEvent(size, id !== undefined, traceparent);
}

/** Calls the listeners of an event, and publishes it. `onSettled` is called when the listeners and their promises are done. */
export function traceDelivery(
  socket: AnyServerSocket,
  event: readonly unknown[],
  onSettled?: (trace: EventTrace) => void,
): void {
  const trace = (event as TracedEvent)[kArrival] ?? new ArrivedEvent(undefined, false, undefined);
  trace.socket = socket;
  trace.event = event[0] as string;
  trace.onSettled = onSettled;
  const { start, end, error } = TRACES.event;
  try {
    // As `traceSync`, without its closure and its copy of the arguments.
    if (lacksStores(start)) {
      start.publish(trace);
      deliver(event, trace);
    } else start.runStores(trace, deliver, undefined, event, trace);
  } catch (thrown) {
    trace.error = thrown;
    error.publish(trace);
    throw thrown;
  } finally {
    end.publish(trace);
    if (trace.promises === 0) onSettled?.(trace);
  }
}

/** A channel of Node.js, with a member that it does not document. */
interface StoringChannel {
  readonly _stores?: { readonly size: number };
}

/** Whether it is certain that a channel has no stores bound. `runStores` costs 100 ns even then. */
function lacksStores(channel: object): boolean {
  const { _stores: stores } = channel as StoringChannel;
  return stores?.size === 0;
}

function deliver(event: readonly unknown[], trace: ArrivedEvent): void {
  if (trace.enter === undefined) callListeners(event, trace);
  else trace.enter(() => callListeners(event, trace));
}

/** Does what `emit` of Node.js does with `captureRejections`, and waits for the promises. */
function callListeners(received: readonly unknown[], trace: ArrivedEvent): void {
  const { socket, event } = trace;
  const args = received.slice(1);
  const listeners = socket.rawListeners(event);
  let waiting: { promises: number } | undefined;
  for (let index = 0; index < listeners.length; index++) {
    const result: unknown = Reflect.apply(listeners[index]!, socket, args);
    if (!isThenable(result)) continue;
    trace.promises += 1;
    waiting ??= { promises: 0 };
    waiting.promises += 1;
    void awaitListener(result, args, { trace, waiting });
  }
}

/** Publishes the end once the last promise of the listeners has settled. */
async function awaitListener(
  result: PromiseLike<unknown>,
  args: unknown[],
  { trace, waiting }: { readonly trace: ArrivedEvent; readonly waiting: { promises: number } },
): Promise<void> {
  await settle(result, args, trace);
  waiting.promises -= 1;
  if (waiting.promises > 0) return;
  publishAsync<EventTrace>(TRACES.event, trace);
  trace.onSettled?.(trace);
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/** Waits for the promise of a listener, and reports its rejection. */
async function settle(promise: PromiseLike<unknown>, args: unknown[], trace: EventTrace): Promise<void> {
  try {
    await promise;
  } catch (error) {
    trace.error = error;
    TRACES.event.error.publish(trace);
    trace.socket[REJECTION](error, trace.event, ...args);
  }
}

function publishAsync<Trace extends object>(channel: TracingChannel<Trace, Trace>, trace: Trace): void {
  channel.asyncStart.publish(trace);
  channel.asyncEnd.publish(trace);
}

// ---- emits -----------------------------------------------------------------------------------------------------------

/** A socket, as traces of its emits see it. */
interface SendingSocket {
  [kSendEvent](data: unknown[], flags: BroadcastFlags | undefined): void;
}

/** Sends an event to one client, and publishes it. `data` ends with the function that takes an acknowledgement, if any. */
export function traceEmit(
  socket: SendingSocket & AnyServerSocket,
  data: unknown[],
  flags: BroadcastFlags | undefined,
): void {
  const acknowledge = data.at(-1);
  const trace: EmitTrace = {
    socket,
    event: data[0] as string,
    ack: typeof acknowledge === "function",
    traceparent: undefined,
    error: undefined,
    enter: undefined,
  };
  if (trace.ack) data[data.length - 1] = traceAnswer(acknowledge as AckCallback, trace, flags?.timeout !== undefined);
  TRACES.emit.traceSync(sendTraced, trace, undefined, socket, data, flags, trace);
}

function sendTraced(
  socket: SendingSocket,
  data: unknown[],
  flags: BroadcastFlags | undefined,
  { traceparent }: EmitTrace,
): void {
  const traced: TracedFlags | undefined = traceparent === undefined ? flags : { ...flags, [kTraceparent]: traceparent };
  socket[kSendEvent](data, traced);
}

/** @param takesError whether the first argument is an error: the timeout, or null */
function traceAnswer(acknowledge: AckCallback, trace: EmitTrace, takesError: boolean): AckCallback {
  return function (this: unknown, ...args) {
    const call = (): void => Reflect.apply(acknowledge, this, args);
    if (takesError && args[0]) {
      trace.error = args[0];
      TRACES.emit.error.publish(trace);
    }
    TRACES.emit.asyncStart.publish(trace);
    try {
      if (trace.enter === undefined) call();
      else trace.enter(call);
    } finally {
      TRACES.emit.asyncEnd.publish(trace);
    }
  };
}

// ---- connections -----------------------------------------------------------------------------------------------------

/** Connections without a namespace. */
const connecting = new WeakMap<object, ConnectTrace>();

/** Publishes a new connection. */
export function traceConnect(client: Client): void {
  const trace: ConnectTrace = { client, socket: undefined, reason: undefined, enter: undefined };
  connecting.set(client, trace);
  TRACES.connect.traceSync(() => {}, trace);
}

/** Calls `run` in the context of a connection that joins its first namespace. */
export function duringConnect(client: object, run: () => void): void {
  const enter = connecting.get(client)?.enter;
  if (enter === undefined) run();
  else enter(run);
}

/** Publishes that a connection has its first socket, or has ended without one. */
export function endConnect(client: object, end: Partial<Pick<ConnectTrace, "socket" | "reason">>): void {
  const trace = connecting.get(client);
  if (trace === undefined) return;
  connecting.delete(client);
  publishAsync(TRACES.connect, Object.assign(trace, end));
}

import { callEach, listen, throwLater } from "../emitter.ts";
import {
  decodeQuery,
  isTraceparent,
  type Session,
  type SocketReservedEvents as EngineEvents,
} from "../engine/index.ts";
import type { DecoderEvents } from "./codec/decoder.ts";
import { EVENT, type OutgoingPacket } from "./codec/packet.ts";
import { createLookup, type Lookup, type LookupOptions } from "./lookup.ts";
import type { BaseManager, ManagerOptions } from "./manager.ts";
import type { SocketOptions } from "./options.ts";
import type { Socket } from "./socket.ts";

/** An event that the client sends, as a tracer sees it. */
export interface SentTrace {
  /** The name of the event. */
  readonly event: string;
  /** The name of the namespace. */
  readonly namespace: string;
}

/** An event that the server has sent with its trace context. */
export interface ReceivedTrace extends SentTrace {
  /** The W3C `traceparent` of the server's span. */
  readonly traceparent: string;
}

/** Options of {@link traced}. */
export interface TraceOptions {
  /**
   * Returns the W3C `traceparent` of an event. Called once within each `emit`, for every server. If the value is malformed or
   * the function throws, the event is sent without it; the error becomes an uncaught error. Default: no contexts are sent.
   *
   * @example
   * import { context, propagation } from "@opentelemetry/api";
   * const options: TraceOptions = {
   *   traceparent() {
   *     const carrier: { traceparent?: string } = {};
   *     propagation.inject(context.active(), carrier);
   *     return carrier.traceparent;
   *   },
   * };
   */
  traceparent?: (sent: SentTrace) => string | undefined;
  /**
   * Called for each event that has come with a context. `run` calls the listeners of the event; if you don't call it, they
   * are called next. Default: the server sends no contexts.
   *
   * @example
   * import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
   * const options: TraceOptions = {
   *   onEvent: ({ traceparent }, run) => context.with(propagation.extract(ROOT_CONTEXT, { traceparent }), run),
   * };
   */
  onEvent?: (received: ReceivedTrace, run: () => void) => void;
}

/** A manager of either entry. */
interface TraceableManager extends BaseManager {
  createEngine_(uri: string | undefined, opts: Partial<ManagerOptions>): Session;
}

/** The contexts of events, by the packet, its flags or its data. */
const contexts = new WeakMap<object, string>();

/** The contexts that pass through a manager, each until its packet follows. */
interface InTransit {
  /** Of the packet that is being sent. */
  outgoing_: string | undefined;
  /** Of the next packet that arrives. */
  incoming_: string | undefined;
}

/**
 * Returns an `io()` whose events carry trace contexts, for servers that call `instrument(io, { propagate: true })`. Other
 * servers get none. The connections are its own: plain `io()` does not share them.
 *
 * @param ManagerClass the `Manager` of `@portage/client` or of `@portage/client/websocket`
 * @example
 * import { Manager } from "@portage/client";
 * import { traced } from "@portage/client/trace";
 * const io = traced(Manager, { traceparent: () => "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
 * io("https://example.org").emit("order", 1);
 */
export function traced(
  ManagerClass: new (uri: string, opts: LookupOptions) => TraceableManager,
  options: TraceOptions,
): Lookup {
  /** Its members have no initial values, as the constructor of its base opens a connection. */
  class TracedManager extends ManagerClass implements InTransit {
    declare outgoing_: string | undefined;
    declare incoming_: string | undefined;

    override createEngine_(uri: string | undefined, opts: Partial<ManagerOptions>): Session {
      const engine = options.onEvent
        ? super.createEngine_(askIn(uri), { ...opts, query: askAlso(opts.query) })
        : super.createEngine_(uri, opts);
      passThrough(this, engine);
      return engine;
    }

    override onopen(): void {
      super.onopen();
      this.subs.push(
        listen<DecoderEvents>(this.decoder, {
          decoded: ({ data }) => {
            if (this.incoming_ && Array.isArray(data)) contexts.set(data, this.incoming_);
            this.incoming_ = undefined;
          },
        }),
      );
    }

    override _packet(packet: OutgoingPacket): void {
      this.outgoing_ = contexts.get(packet);
      try {
        super._packet(packet);
      } finally {
        this.outgoing_ = undefined;
      }
    }

    override socket(nsp: string, opts?: Partial<SocketOptions>): Socket {
      const known = this.nsps[nsp];
      const socket = super.socket(nsp, opts);
      if (!known) traceSocket(socket, options);
      return socket;
    }
  }

  return createLookup(TracedManager);
}

/** Sends contexts over a new connection, if its server has said that it reads them, and takes those of the server. */
function passThrough(transit: InTransit, engine: Session): void {
  let isOffered = false;
  transit.incoming_ = undefined;
  listen<EngineEvents>(engine, {
    handshake: ({ trace }) => void (isOffered = trace === 1),
    packetCreate: () => {
      const data = transit.outgoing_;
      transit.outgoing_ = undefined;
      // the packet is queued next
      if (data && isOffered) engine.writeBuffer.push({ type: "noop", data, options: { compress: false } });
    },
    packet: ({ type, data }) => {
      if (type === "noop" && isTraceparent(data)) transit.incoming_ = data;
    },
  });
}

/** Says in the query of an address that this client reads contexts, as its query replaces that of the options. */
const askIn = (uri: string | undefined): string | undefined => uri?.replace("?", "?trace=1&");

const askAlso = (query: ManagerOptions["query"]): object => ({
  trace: 1,
  ...(typeof query === "string" ? decodeQuery(query) : query),
});

/** Adds contexts to the events of a socket, each from its `emit` until it is sent, maybe later and several times. */
function traceSocket(socket: Socket, { traceparent, onEvent }: TraceOptions): void {
  if (traceparent) traceSending(socket, traceparent);
  if (onEvent) traceReceiving(socket, onEvent);
}

function traceSending(socket: Socket, traceparent: NonNullable<TraceOptions["traceparent"]>): void {
  const emit = socket.emit.bind(socket);
  const sendPacket = socket.packet.bind(socket);
  /** The context of the `emit` that is running. */
  let current: string | undefined;
  socket.emit = (event, ...args) => {
    const outer = current;
    const { flags, sendBuffer } = socket;
    const last = sendBuffer.at(-1);
    current = askFor(traceparent, event, socket.nsp);
    // the queue of `retries` keeps the flags
    if (current) contexts.set(flags, current);
    try {
      return emit(event, ...args);
    } finally {
      const queued = socket.sendBuffer.at(-1);
      if (current && queued && queued !== last) contexts.set(queued, current);
      current = outer;
    }
  };
  socket.packet = (packet) => {
    const context = packet.type === EVENT && contextOf(socket, packet, current);
    if (context) contexts.set(packet, context);
    sendPacket(packet);
  };
}

function traceReceiving(socket: Socket, onEvent: NonNullable<TraceOptions["onEvent"]>): void {
  const emitEvent = socket.emitEvent.bind(socket);
  socket.emitEvent = (data) => {
    const context = contexts.get(data);
    let run = (): void => {
      run = () => {};
      emitEvent(data);
    };
    if (context) {
      const received: ReceivedTrace = { event: String(data[0]), namespace: socket.nsp, traceparent: context };
      callEach([onEvent], undefined, [received, () => run()]);
    }
    run();
  };
}

/** Returns the context of an event that is sent now: within its `emit`, or later. */
function contextOf({ _queue: [first] }: Socket, packet: OutgoingPacket, current?: string): string | undefined {
  // the queue of `retries` may send an event within the `emit` of another one
  if (first && packet.id !== undefined && packet.id === first.flags.id) return contexts.get(first.flags);
  return contexts.get(packet) ?? current;
}

function askFor(
  traceparent: NonNullable<TraceOptions["traceparent"]>,
  event: unknown,
  namespace: string,
): string | undefined {
  try {
    const context = traceparent({ event: String(event), namespace });
    return isTraceparent(context) ? context : undefined;
  } catch (error) {
    throwLater(error);
    return undefined;
  }
}

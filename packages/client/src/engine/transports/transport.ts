/*
 * A transport carries a session's packets, by HTTP long-polling or WebSocket.
 * Knows: packets of the engine, requests, WebSockets, and the TransportSocket side of its socket.
 * Must not know: sessions, upgrades, the order of transports.
 */
import { decodePacket, type Packet, readCloseCode, readClosePacket, readRetry } from "@portage/parser/engine";
import { CodedError } from "../../coded-error.ts";
import { Emitter, throwLater } from "../../emitter.ts";
import { usualPort } from "../address/address.ts";
import type { Attempt } from "../diagnosis.ts";
import type { NoEvents, Untyped } from "../../typed-events.ts";
import type { BinaryType, RawData, SocketOptions } from "../options.ts";
import type { CookieJar } from "../platform/cookie-jar.node.ts";
import { unlessLeaving } from "../platform/page.ts";
import { encodeQuery } from "../address/query.ts";
import { installTimerFunctions } from "../platform/timers.ts";

/**
 * Code of a {@link TransportError}:
 * - `TRANSPORT_FAILED`: a request or a WebSocket failed; `description` and `context` have the answer
 *   Fix: read `description` and `context`; run the doctor from this network.
 *   Connect again: see `retry`.
 * - `TRANSPORT_UNAVAILABLE`: the platform can't run this transport, and the socket tries the next one
 *   Fix: add another transport to `transports`.
 *   Connect again: no.
 * - `PAYLOAD_TOO_LARGE`: the server or a proxy refused the size of a body
 *   Fix: send smaller messages, or raise `maxHttpBufferSize` and limits of proxies.
 *   Connect again: yes.
 */
export type TransportErrorCode = "TRANSPORT_FAILED" | "TRANSPORT_UNAVAILABLE" | "PAYLOAD_TOO_LARGE";

/** An answer or an event with the error behind it. */
type Reporting = { readonly error?: unknown; readonly status?: number } | undefined;

/**
 * A failure of a transport. The message is one of `xhr poll error`, `xhr post error`, `fetch read error`, `fetch write
 * error`, `websocket error`, `webtransport error`.
 */
export class TransportError extends CodedError<TransportErrorCode> {
  declare readonly type: "TransportError";
  /** HTTP status (0 without an answer), an Error, or the error event. `any`, as programs read it without a check. */
  declare readonly description: Untyped;
  /**
   * Details of the answer, in the shape of an XMLHttpRequest: `readyState`, `status`, `responseText`, and without an answer
   * `error`. `any`, as programs read it without a check.
   */
  declare readonly context: Untyped;
  /** The platform's error, with its own code, such as `ECONNREFUSED`. */
  declare readonly cause?: unknown;
  /**
   * Whether it makes sense to connect again: `no` if the server refused the handshake for good, `later` if it is overloaded
   * or leaving. Otherwise `yes`, also where the platform hides the answer, as browsers do for WebSocket.
   *
   * @example
   * socket.on("connect_error", (error) => {
   *   if (error instanceof TransportError && error.retry === "no") console.error(error.message);
   * });
   */
  declare retry?: CloseDetails["retry"];

  constructor(reason: string, description: unknown, context: unknown, code: TransportErrorCode = "TRANSPORT_FAILED") {
    super(code, reason, { type: "TransportError", description, context });
    const cause = (context as Reporting)?.error ?? (description as Reporting)?.error ?? description;
    if (cause instanceof Error) this.cause = cause;
  }
}

/** Why a transport closed. */
export interface CloseDetails {
  /** A sentence. */
  description: string;
  /** `code` and `reason` as in a CloseEvent; on long-polling only if the server sent a reason. */
  context?: unknown;
  /**
   * Machine code sent by Portage servers, listed in docs/errors.md.
   *
   * @example
   * socket.on("disconnect", (reason, details) => console.log(reason, details?.code)); // "transport close", "PING_TIMEOUT"
   */
  code?: string | undefined;
  /**
   * Whether it makes sense to connect again: `no` after malformed input, `later` if the server is leaving or overloaded.
   * A closed connection without a close code counts as `yes`.
   */
  retry?: "yes" | "no" | "later" | undefined;
}

/** Events of a {@link Transport}. */
export interface TransportReservedEvents {
  /** The transport is open. */
  open: () => void;
  /** The transport failed. */
  error: (error: TransportError) => void;
  /** A packet has arrived. */
  packet: (packet: Packet) => void;
  /** The transport is closed. */
  close: (details?: CloseDetails) => void;
  /** A poll begins. */
  poll: () => void;
  /** The packets of a poll have been handled. */
  pollComplete: () => void;
  /** The transport accepts packets again. */
  drain: () => void;
}

type TransportState = "opening" | "open" | "closed" | "pausing" | "paused";

/** Options of a transport: the socket's options, overridden by `transportOptions`, with the query and the owner. */
export interface TransportOptions extends SocketOptions {
  query: Transport["query"];
  socket: TransportSocket;
}

/** The socket, as its transport sees it. */
export interface TransportSocket {
  /** Type of received bytes. */
  readonly binaryType: BinaryType;
  /** Cookies of the server (Node.js). */
  readonly _cookieJar: CookieJar | undefined;
  /** Set once the server has agreed to carry the session. */
  readonly carry_?: object | undefined;
}

/** Name of an event in {@link TransportReservedEvents}. */
export type TransportEvent = keyof TransportReservedEvents;

/**
 * Handles the events of a transport, after the program's listeners: first the opening or the upgrade, then the session.
 */
export interface TransportHandler {
  /** @param value the first argument of the event */
  onTransport_(event: TransportEvent, value: unknown, transport: Transport): void;
}

/**
 * Base class of transports. A custom transport needs a `name` on its prototype, `doOpen`, `doClose` and `write`. It calls
 * `onOpen`, `onPacket` or `onData`, `onClose` and `onError`, and after each `write` sets `writable` and emits `drain`.
 *
 * @example
 * class Pigeon extends Transport {
 *   #bird = release(this.createUri("https"));
 *   get name() { return "pigeon"; }
 *   doOpen() { this.#bird.onreturn = (note) => this.onData(note); this.onOpen(); }
 *   doClose() { this.#bird.recall(); }
 *   write(packets) { packets.forEach((packet) => this.#bird.carry(packet)); this.emitReserved("drain"); }
 * }
 * new Socket("https://example.org", { transportImplementations: [Pigeon] });
 */
export abstract class Transport extends Emitter<NoEvents, NoEvents, TransportReservedEvents> {
  /** Query parameters of every request. `any`, as custom transports read their own without a check. */
  declare query: Record<string, Untyped>;
  /** Whether the transport accepts packets now; if not, it emits `drain` once it does. */
  writable = false;
  /** State of the transport. */
  declare protected readyState: TransportState;
  /** The options. */
  declare protected readonly opts: TransportOptions;
  /** The session that uses the transport. */
  declare protected readonly socket: TransportSocket;
  /** If false, bytes are sent as base64. */
  declare protected supportsBinary: boolean;
  /**
   * Undefined before the transport opens, and once it is replaced or discarded.
   *
   * @internal
   */
  declare handler_: TransportHandler | undefined;
  /**
   * The entry for this transport in the socket's diagnosis.
   *
   * @internal
   */
  declare attempt_?: Attempt;
  /** `setTimeout`, as the option `useNativeTimers` chooses it. */
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  /** @param options {@link TransportOptions}; a subclass may declare its own type */
  constructor(options: object);
  constructor(options: TransportOptions) {
    super();
    installTimerFunctions(this, options);
    this.opts = options;
    this.query = options.query;
    this.socket = options.socket;
    this.supportsBinary = !options.forceBase64;
  }

  /** Name of the transport, as in the option `transports`. */
  abstract get name(): string;

  /** Opens the transport; `open` or `error` follows. */
  open(): this {
    this.readyState = "opening";
    this.doOpen();
    return this;
  }

  /** Closes the transport. Has no effect once it is closed. */
  close(): this {
    if (this.readyState !== "closed") {
      this.doClose();
      this.onClose();
    }
    return this;
  }

  /** Sends all packets, or drops them if the transport is not open. */
  send(packets: Packet[]): void {
    if (this.readyState === "open") this.write(packets);
  }

  /**
   * Returns the queued packets to send together.
   *
   * @param _limit the server's size limit in bytes
   * @internal
   */
  fitting_(packets: readonly Packet[], _limit: number): Packet[] {
    return [...packets];
  }

  /** Pauses for an upgrade; calls back when each request under way has ended. */
  pause(_onPause: () => void): void {}

  /** Ends a pause after the upgrade has failed. */
  resume(): void {}

  /**
   * Bytes that the platform has not handed to the network yet; undefined for a transport made of requests.
   *
   * @internal
   */
  get buffered_(): number | undefined {
    return undefined;
  }

  /**
   * Stops without a word to the server: the session goes on over another transport. Close it later if it still stands.
   *
   * @internal
   */
  drop_(): void {
    this.handler_ = undefined;
    // volatile events are not kept for the next transport
    this.writable = false;
    this.off();
  }

  /** Connects, and calls {@link onOpen} when packets can be sent. */
  protected abstract doOpen(): void;
  /** Ends the connection. */
  protected abstract doClose(): void;
  /** Sends packets, and emits `drain` when it accepts more. */
  protected abstract write(packets: Packet[]): void;

  protected override emitReserved<Ev extends TransportEvent>(
    event: Ev,
    ...args: Parameters<TransportReservedEvents[Ev]>
  ): this {
    super.emitReserved(event, ...args);
    try {
      this.handler_?.onTransport_(event, args[0], this);
    } catch (error) {
      // from a callback of the program or a custom transport
      throwLater(error);
    }
    return this;
  }

  /** Reports that the transport is open. */
  protected onOpen(): void {
    this.readyState = "open";
    this.writable = true;
    this.emitReserved("open");
  }

  /** Handles a received packet, not decoded yet. */
  protected onData(data: RawData): void {
    this.onPacket(decodePacket(data, this.socket.binaryType));
  }

  /** Handles a packet; a close packet closes the transport (Engine.IO protocol, "Packet types"). */
  protected onPacket(packet: Packet): void {
    if (packet.type === "close") this.onClosePacket_(packet.data);
    else this.emitReserved("packet", packet);
  }

  protected onClosePacket_(data: unknown): void {
    this.closeSaying_("transport closed by the server", readClosePacket(data));
  }

  /** Reports that the transport is closed. */
  protected onClose(details?: CloseDetails): void {
    this.readyState = "closed";
    this.emitReserved("close", details);
  }

  /** Closes with the code and the reason of the server's close frame or close packet. */
  protected closeSaying_(description: string, context: { code: number; reason: string } | undefined): void {
    const code = context ? readCloseCode(context.reason) : "SERVER_CLOSED";
    this.onClose({ description, context, code, retry: readRetry(context?.code) });
  }

  /** Reports a failure, unless the page is being left. */
  protected onError(reason: string, description: unknown, context?: unknown, code?: TransportErrorCode): this {
    const error = new TransportError(reason, description, context, code);
    // the refusal of a request within a session says nothing about the next handshake
    error.retry = readRetry(this.query["sid"] ? 0 : (context as Reporting)?.status);
    unlessLeaving(this, () => this.emitReserved("error", error));
    return this;
  }

  /**
   * Returns an address of the server.
   *
   * @param schema `http`, `https`, `ws` or `wss`
   */
  protected createUri(schema: string, query: Record<string, unknown> = {}): string {
    const { hostname = "", port, secure, path = "" } = this.opts;
    const host = hostname.includes(":") ? "[" + hostname + "]" : hostname;
    const encoded = encodeQuery(query);
    return (
      schema + "://" + host + (!port || port == usualPort(secure) ? "" : ":" + port) + path + (encoded && "?" + encoded)
    );
  }

  /** Returns the URL of a request, with an optional timestamp and additional parameters. */
  protected requestUri_(schema: "http" | "ws", wantsTimestamp: unknown, more: object | false): string {
    const query = { ...this.query };
    if (wantsTimestamp) query[this.opts.timestampParam!] = Math.random().toString(36).slice(2, 10);
    Object.assign(query, more);
    return this.createUri(schema + (this.opts.secure ? "s" : ""), query);
  }
}

/** Closes a transport and ignores its later events. */
export function discard(transport: Transport): void {
  transport.handler_ = undefined;
  transport.off();
  transport.close();
}

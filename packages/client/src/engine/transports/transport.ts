/*
 * What carries a session's packets: HTTP long-polling and WebSocket, with the platform's means or those of Node.js.
 * Knows: packets of the engine, requests, WebSockets, and of its socket what TransportOwner says.
 * Must not know: sessions, upgrades, which transport comes first.
 */
import { decodePacket, type Packet, readCloseCode, readClosePacket } from "@portage/parser/engine";
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

export type TransportErrorCode = "TRANSPORT_FAILED" | "TRANSPORT_UNAVAILABLE" | "PAYLOAD_TOO_LARGE";

/** An answer or an event that has the error which it reports. */
type Reporting = { readonly error?: unknown } | undefined;

/**
 * Why a transport failed: `TRANSPORT_UNAVAILABLE` where the platform has nothing that it could work with, so that another
 * transport is tried; `PAYLOAD_TOO_LARGE` where the server, or something on the way, takes no body of that size. The message is one of `xhr poll error`, `xhr post error`, `fetch read error`,
 * `fetch write error`, `websocket error`.
 */
export class TransportError extends CodedError<TransportErrorCode> {
  declare readonly type: "TransportError";
  /** HTTP status (0: no answer), an Error, or the event that reported it: `any`, as programs read it without a check. */
  declare readonly description: Untyped;
  /**
   * What is known of the answer: an object with `readyState`, `status`, `responseText`, as XMLHttpRequest has them; and
   * `error` where there was no answer. `any`, as programs read it without a check.
   */
  declare readonly context: Untyped;
  /** What the platform threw or reported, with its own code: `ECONNREFUSED`. */
  declare readonly cause?: unknown;

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
  /** With `code` and `reason`, as a CloseEvent has them: for WebSocket, and for long-polling where the server says why. */
  context?: unknown;
  /**
   * A code for machines, where a server of Portage says why: a row of docs/errors.md.
   *
   * @example
   * socket.on("disconnect", (reason, details) => console.log(reason, details?.code)); // "transport close", "PING_TIMEOUT"
   */
  code?: string | undefined;
}

/** Events of a {@link Transport}. */
export interface TransportReservedEvents {
  open: () => void;
  error: (error: TransportError) => void;
  packet: (packet: Packet) => void;
  close: (details?: CloseDetails) => void;
  poll: () => void;
  pollComplete: () => void;
  drain: () => void;
}

type TransportState = "opening" | "open" | "closed" | "pausing" | "paused";

/** What a transport is made with: the socket's options, those of `transportOptions` over them, and where to connect. */
export interface TransportOptions extends SocketOptions {
  query: Transport["query"];
  socket: TransportOwner;
}

/** What a transport sees of the socket that it was made for. */
export interface TransportOwner {
  /** In which form bytes arrive. */
  readonly binaryType: BinaryType;
  /** Cookies of the server (Node.js). */
  readonly _cookieJar: CookieJar | undefined;
}

/** What a transport reports to its handler: one of {@link TransportReservedEvents}. */
export type TransportEvent = keyof TransportReservedEvents;

/**
 * Whom a transport works for: first the attempt to open a session or to upgrade one, then the session. It hears of each
 * event after the listeners of programs.
 */
export interface TransportHandler {
  /** @param value the first argument of the event */
  onTransport_(event: TransportEvent, value: unknown, transport: Transport): void;
}

/**
 * Base class of transports. One of your own needs a `name` on its prototype, `doOpen`, `doClose` and `write`; it calls
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
  /** Parameters of every request: `any`, as transports of programs read their own without a check. */
  declare query: Record<string, Untyped>;
  /** Whether packets may be sent now; else after the next `drain`. */
  writable = false;
  declare protected readyState: TransportState;
  declare protected readonly opts: TransportOptions;
  declare protected readonly socket: TransportOwner;
  /** False: bytes are sent as base64. */
  declare protected supportsBinary: boolean;
  /**
   * Undefined before the transport opens, and once nobody cares for it.
   *
   * @internal
   */
  declare handler_: TransportHandler | undefined;
  /**
   * What the socket's diagnosis says of this transport.
   *
   * @internal
   */
  declare attempt_?: Attempt;
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  /** @param options {@link TransportOptions}; a subclass may give them a type of its own */
  constructor(options: object);
  constructor(options: TransportOptions) {
    super();
    installTimerFunctions(this, options);
    this.opts = options;
    this.query = options.query;
    this.socket = options.socket;
    this.supportsBinary = !options.forceBase64;
  }

  abstract get name(): string;

  open(): this {
    this.readyState = "opening";
    this.doOpen();
    return this;
  }

  close(): this {
    if (this.readyState !== "closed") {
      this.doClose();
      this.onClose();
    }
    return this;
  }

  /** Sends packets, all of them or, if the transport has just closed, none. */
  send(packets: Packet[]): void {
    if (this.readyState === "open") this.write(packets);
  }

  /**
   * The packets of the write buffer that go out together.
   *
   * @param _limit most bytes that the server takes at once
   * @internal
   */
  fitting_(packets: readonly Packet[], _limit: number): Packet[] {
    return [...packets];
  }

  /** Stops taking and giving packets for an upgrade; calls back when none is under way. */
  pause(_onPause: () => void): void {}

  /** Takes `pause` back: the upgrade has failed. */
  resume(): void {}

  protected abstract doOpen(): void;
  protected abstract doClose(): void;
  protected abstract write(packets: Packet[]): void;

  protected override emitReserved<Ev extends TransportEvent>(
    event: Ev,
    ...args: Parameters<TransportReservedEvents[Ev]>
  ): this {
    super.emitReserved(event, ...args);
    try {
      this.handler_?.onTransport_(event, args[0], this);
    } catch (error) {
      // a callback of the program, or a transport of its own
      throwLater(error);
    }
    return this;
  }

  protected onOpen(): void {
    this.readyState = "open";
    this.writable = true;
    this.emitReserved("open");
  }

  protected onData(data: RawData): void {
    this.onPacket(decodePacket(data, this.socket.binaryType));
  }

  /** Takes a packet; a close packet ends the transport, as the protocol says ("Packet types"). */
  protected onPacket(packet: Packet): void {
    if (packet.type === "close") this.onClosePacket_(packet.data);
    else this.emitReserved("packet", packet);
  }

  protected onClosePacket_(data: unknown): void {
    this.closeSaying_("transport closed by the server", readClosePacket(data));
  }

  protected onClose(details?: CloseDetails): void {
    this.readyState = "closed";
    this.emitReserved("close", details);
  }

  /** Closes with what the server has said: the code and the text of a close frame, or of a close packet that has some. */
  protected closeSaying_(description: string, context: { reason: string } | undefined): void {
    this.onClose({ description, context, code: context ? readCloseCode(context.reason) : "SERVER_CLOSED" });
  }

  protected onError(reason: string, description: unknown, context?: unknown, code?: TransportErrorCode): this {
    const error = new TransportError(reason, description, context, code);
    unlessLeaving(this, () => this.emitReserved("error", error));
    return this;
  }

  /** @param schema `http`, `https`, `ws` or `wss` */
  protected createUri(schema: string, query: Record<string, unknown> = {}): string {
    const { hostname = "", port, secure, path = "" } = this.opts;
    const host = hostname.includes(":") ? "[" + hostname + "]" : hostname;
    const encoded = encodeQuery(query);
    return (
      schema + "://" + host + (!port || port == usualPort(secure) ? "" : ":" + port) + path + (encoded && "?" + encoded)
    );
  }

  /** The address of a request, with a random parameter and further ones where they are wanted. */
  protected requestUri_(schema: "http" | "ws", wantsTimestamp: unknown, more: object | false): string {
    const query = { ...this.query };
    if (wantsTimestamp) query[this.opts.timestampParam!] = Math.random().toString(36).slice(2, 10);
    Object.assign(query, more);
    return this.createUri(schema + (this.opts.secure ? "s" : ""), query);
  }
}

/** Closes a transport whose end is of no interest any more. */
export function discard(transport: Transport): void {
  transport.handler_ = undefined;
  transport.off();
  transport.close();
}

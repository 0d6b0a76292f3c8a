import type { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { CLOSE_CODE } from "./core/index.ts";
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from "./events.ts";
import type { RawData } from "./options.ts";
import { TypedEmitter } from "./typed-events.ts";

/** Events of a `WebSocket` and the arguments of their listeners. */
export interface WebSocketEvents {
  open: [];
  /** Text comes as a Buffer too, with `isBinary` false. */
  message: [data: RawData, isBinary: boolean];
  close: [code: number, reason: Buffer];
  error: [error: Error];
  ping: [data: Buffer];
  pong: [data: Buffer];
  /** Client: the answer 101 has come, and has not been checked. */
  upgrade: [response: IncomingMessage];
  /** Client: another answer has come. Without a listener it is an error; with one, the request is the listener's. */
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
  /** Client: a redirection is followed; the new request can still be changed. */
  redirect: [url: string, request: ClientRequest];
}

export interface EventMap<Target> {
  open: WebSocketEvent<"open", Target>;
  message: MessageEvent<Target>;
  close: CloseEvent<Target>;
  error: ErrorEvent<Target>;
}

type EventType = keyof EventMap<unknown>;

export type EventHandler<E> = ((event: E) => void) | { handleEvent(event: E): void };

type AnyHandler = EventHandler<never>;
type AnyListener = (...args: unknown[]) => void;

/** The emitter's listeners that stand for a handler, and how the handler was given. */
const registrations = new WeakMap<object, { readonly handler: AnyHandler; readonly from: "call" | "property" }>();

/** The browser's side of a WebSocket: `addEventListener` and the `on*` properties, over the events of a Node emitter. */
export class WebSocketEventTarget<Target> extends TypedEmitter<WebSocketEvents> {
  /**
   * Adds a handler for `open`, `message`, `close` or `error`; other types are ignored. A handler is added once.
   * A handler object is called by its `handleEvent`.
   */
  addEventListener<K extends EventType>(
    type: K,
    handler: EventHandler<EventMap<Target>[K]>,
    options: { readonly once?: boolean } = {},
  ): void {
    if (this.#find(type, "call", handler) !== undefined) return;
    const listener = this.#register(type, "call", handler);
    if (listener === undefined) return;
    if (options.once === true) untyped(this).once(type, listener);
    else untyped(this).on(type, listener);
  }

  removeEventListener<K extends EventType>(type: K, handler: EventHandler<EventMap<Target>[K]>): void {
    const listener = this.#find(type, "call", handler);
    if (listener !== undefined) untyped(this).removeListener(type, listener);
  }

  get onopen(): ((event: EventMap<Target>["open"]) => void) | null {
    return this.#property("open");
  }

  set onopen(handler: ((event: EventMap<Target>["open"]) => void) | null) {
    this.#setProperty("open", handler);
  }

  get onmessage(): ((event: EventMap<Target>["message"]) => void) | null {
    return this.#property("message");
  }

  set onmessage(handler: ((event: EventMap<Target>["message"]) => void) | null) {
    this.#setProperty("message", handler);
  }

  get onclose(): ((event: EventMap<Target>["close"]) => void) | null {
    return this.#property("close");
  }

  set onclose(handler: ((event: EventMap<Target>["close"]) => void) | null) {
    this.#setProperty("close", handler);
  }

  get onerror(): ((event: EventMap<Target>["error"]) => void) | null {
    return this.#property("error");
  }

  set onerror(handler: ((event: EventMap<Target>["error"]) => void) | null) {
    this.#setProperty("error", handler);
  }

  #property(type: EventType): ((event: unknown) => void) | null {
    const listener = this.#find(type, "property");
    return listener === undefined ? null : (registrations.get(listener)!.handler as (event: unknown) => void);
  }

  #setProperty(type: EventType, handler: ((event: never) => void) | null): void {
    const former = this.#find(type, "property");
    if (former !== undefined) untyped(this).removeListener(type, former);
    if (typeof handler === "function") untyped(this).on(type, this.#register(type, "property", handler)!);
  }

  #find(type: EventType, from: "call" | "property", handler?: AnyHandler): AnyListener | undefined {
    for (const listener of untyped(this).listeners(type) as AnyListener[]) {
      const found = registrations.get(listener);
      if (found?.from === from && (handler === undefined || found.handler === handler)) return listener;
    }
    return undefined;
  }

  #register(type: EventType, from: "call" | "property", handler: AnyHandler): AnyListener | undefined {
    const listener = listenerFor(this, type, handler);
    if (listener !== undefined) registrations.set(listener, { handler, from });
    return listener;
  }
}

/** A listener of the emitter that makes the event and gives it to `handler`. */
function listenerFor(target: unknown, type: string, handler: AnyHandler): AnyListener | undefined {
  switch (type) {
    case "open":
      return () => call(handler, target, new WebSocketEvent("open", target));
    case "message":
      return (data, isBinary) =>
        call(handler, target, new MessageEvent(target, isBinary === true ? (data as RawData) : String(data)));
    case "close":
      return (code, reason) => {
        const wasClean = code !== CLOSE_CODE.abnormal;
        call(handler, target, new CloseEvent(target, { code: Number(code), reason: String(reason), wasClean }));
      };
    case "error":
      return (error) => call(handler, target, new ErrorEvent(target, error as Error));
    default:
      return undefined;
  }
}

function call(handler: AnyHandler, target: unknown, event: WebSocketEvent): void {
  if (typeof handler === "function") handler.call(target, event as never);
  else handler.handleEvent(event as never);
}

/** The emitter without the types of its events: what a listener is given follows from `type` alone. */
function untyped(target: WebSocketEventTarget<never>): EventEmitter {
  return target;
}

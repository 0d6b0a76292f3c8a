import type { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { EventListenerOptions } from "./compatible-types.ts";
import { CLOSE_CODE, UsageError } from "./core/index.ts";
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from "./events.ts";
import type { RawData } from "./options.ts";
import { TypedEmitter } from "./typed-events.ts";

/** Events of a `WebSocket`, with the arguments of their listeners. */
export interface WebSocketEvents {
  /** The opening handshake is complete. */
  open: [];
  /** Text is a Buffer too, with `isBinary` false. */
  message: [data: RawData, isBinary: boolean];
  /** The connection has ended: 1005 without a code in the close frame, 1006 without a close frame. */
  close: [code: number, reason: Buffer];
  /** The connection failed. `close` follows. */
  error: [error: Error];
  /** The peer sent a ping. It is answered unless `autoPong` is false. */
  ping: [data: Buffer];
  /** The peer sent a pong. */
  pong: [data: Buffer];
  /** Client: a 101 response has arrived, not checked yet. */
  upgrade: [response: IncomingMessage];
  /**
   * Client: another response has arrived. Without a listener it is an error; with one, the
   * listener handles the request.
   */
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
  /** Client: a redirect is followed. The new request can still be changed. */
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
type AnyTarget = WebSocketEventTarget<never>;
/** How a handler was added. */
type AddedBy = "call" | "property";
type AnyListener = (...args: unknown[]) => void;

const EVENT_TYPES: ReadonlySet<string> = new Set(["open", "message", "close", "error"] satisfies EventType[]);

/** Maps an emitter's listener to the handler it stands for. */
const registrations = new WeakMap<object, { readonly handler: AnyHandler; readonly by: AddedBy }>();

/**
 * The browser's side of a WebSocket: `addEventListener` and the `on*`
 * properties, over a Node emitter.
 */
export class WebSocketEventTarget<Target> extends TypedEmitter<WebSocketEvents> {
  /**
   * Adds a handler for `open`, `message`, `close` or `error`; ignores other types, and a handler
   * added before. An object's `handleEvent` is called.
   * @throws UsageError `WS_ERR_INVALID_LISTENER` for a value that is neither
   * a function nor an object
   */
  addEventListener<K extends EventType>(
    type: K,
    handler: EventHandler<EventMap<Target>[K]>,
    options: EventListenerOptions = {},
  ): void {
    if (!EVENT_TYPES.has(type) || find(this, type, "call", handler) !== undefined) return;
    const isHandler = typeof handler === "function" || (typeof handler === "object" && (handler as unknown) !== null);
    if (!isHandler) throw new UsageError("WS_ERR_INVALID_LISTENER");
    const listener = register(this, type, "call", handler);
    if (listener === undefined) return;
    if (options.once) untyped(this).once(type, listener);
    else untyped(this).on(type, listener);
  }

  /** Removes a handler that `addEventListener` added. */
  removeEventListener<K extends EventType>(type: K, handler: EventHandler<EventMap<Target>[K]>): void {
    const listener = handler ? find(this, type, "call", handler) : undefined;
    if (listener !== undefined) untyped(this).removeListener(type, listener);
  }

  /** The handler of `open`; null if there is none. */
  get onopen(): ((event: EventMap<Target>["open"]) => void) | null {
    return property(this, "open");
  }

  set onopen(handler: ((event: EventMap<Target>["open"]) => void) | null) {
    setProperty(this, "open", handler);
  }

  /** The handler of `message`; null if there is none. */
  get onmessage(): ((event: EventMap<Target>["message"]) => void) | null {
    return property(this, "message");
  }

  set onmessage(handler: ((event: EventMap<Target>["message"]) => void) | null) {
    setProperty(this, "message", handler);
  }

  /** The handler of `close`; null if there is none. */
  get onclose(): ((event: EventMap<Target>["close"]) => void) | null {
    return property(this, "close");
  }

  set onclose(handler: ((event: EventMap<Target>["close"]) => void) | null) {
    setProperty(this, "close", handler);
  }

  /** The handler of `error`; null if there is none. */
  get onerror(): ((event: EventMap<Target>["error"]) => void) | null {
    return property(this, "error");
  }

  set onerror(handler: ((event: EventMap<Target>["error"]) => void) | null) {
    setProperty(this, "error", handler);
  }
}

function property(target: AnyTarget, type: EventType): ((event: unknown) => void) | null {
  const listener = find(target, type, "property");
  return listener === undefined ? null : (registrations.get(listener)!.handler as (event: unknown) => void);
}

function setProperty(target: AnyTarget, type: EventType, handler: ((event: never) => void) | null): void {
  const former = find(target, type, "property");
  if (former !== undefined) untyped(target).removeListener(type, former);
  if (typeof handler === "function") untyped(target).on(type, register(target, type, "property", handler)!);
}

function find(target: AnyTarget, type: EventType, by: AddedBy, handler?: AnyHandler): AnyListener | undefined {
  for (const listener of untyped(target).listeners(type) as AnyListener[]) {
    const found = registrations.get(listener);
    if (found?.by === by && (handler === undefined || found.handler === handler)) return listener;
  }
  return undefined;
}

function register(target: AnyTarget, type: EventType, by: AddedBy, handler: AnyHandler): AnyListener | undefined {
  const listener = listenerFor(target, type, handler);
  if (listener !== undefined) registrations.set(listener, { handler, by });
  return listener;
}

/** Makes the emitter's listener that passes events to `handler`. */
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

function call(handler: AnyHandler, target: unknown, event: WebSocketEvent<string, unknown>): void {
  // Casts: handlers of all types share one registry, and the type of the event follows from where they were added.
  if (typeof handler === "function") handler.call(target, event as never);
  else handler.handleEvent(event as never);
}

/** Drops the types of events: the arguments follow from `type` alone. */
function untyped(target: WebSocketEventTarget<never>): EventEmitter {
  return target;
}

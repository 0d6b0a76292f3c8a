/*
 * Plain pages, curl and scripts that read a namespace by server-sent events.
 * Knows: the handler of such requests, what they ask for, and the text of events.
 * Must not know: how a transport writes its answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkFunction, invite, isAbsent, limitFrom, refuseOption, Server as Engine } from "../../engine/index.ts";

/** What {@link Namespace.eventSource} takes. */
export interface EventSourceOptions {
  /**
   * Returns the credentials, `socket.handshake.auth`; may be asynchronous. If it throws, the client is refused. Default: a
   * `token` from the parameter `token` of the URL, the cookie `token`, or `Authorization: Bearer`.
   */
  auth?: ((req: IncomingMessage) => PageAuth | PromiseLike<PageAuth>) | undefined;
  /**
   * The rooms, joined before the listeners of `connection` run, or a function from the request to them, which is not
   * asynchronous. If it throws, the client is refused. Default: none.
   */
  rooms?: PageRooms | ((req: IncomingMessage) => PageRooms) | undefined;
  /**
   * What happens to events with binary data. `"base64"`: each piece of it becomes `{"_bytes": "<base64>"}`. `"omit"`: the
   * client does not get such an event. Default `"base64"`.
   */
  binary?: "base64" | "omit" | undefined;
  /** Milliseconds after which a client whose connection broke returns. Default 2000. */
  retry?: number | undefined;
}

type PageRooms = string | readonly string[] | undefined;
type PageAuth = Record<string, unknown> | undefined | void;

/** A request for events, as its handler sees it. */
export interface EventSourceTicket extends EventSourceOptions {
  /** The name of the namespace. */
  readonly name: string;
}

const tickets = new WeakMap<IncomingMessage, EventSourceTicket>();

/** The members of a namespace that its handler uses. */
interface ReadNamespace {
  readonly name: string;
  readonly server: {
    readonly engine: Engine | undefined;
    readonly opts: NonNullable<ConstructorParameters<typeof Engine>[0]>;
    bind(engine: object): unknown;
  };
}

/** @throws UsageError `OPTION_INVALID`, `NOT_A_FUNCTION` */
function checkOptions({ auth, rooms, binary, retry }: EventSourceOptions): void {
  if (!isAbsent(auth)) checkFunction(auth, "eventSource({ auth })");
  if (typeof rooms !== "function") roomsIn(rooms);
  if (!isAbsent(binary) && binary !== "base64" && binary !== "omit")
    refuseOption("eventSource.binary", '"base64" or "omit"', binary);
  limitFrom("eventSource.retry", retry, 0, undefined);
}

/**
 * Returns the names in the option `rooms`, or in the result of its function.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function roomsIn(given: unknown): string[] {
  if (isAbsent(given)) return [];
  if (typeof given === "string") return [given];
  return Array.isArray(given) ? (given as string[]) : refuseOption("eventSource.rooms", "an array of names", given);
}

/**
 * Returns the handler of {@link Namespace.eventSource}.
 *
 * @throws UsageError `OPTION_INVALID`, `NOT_A_FUNCTION`
 */
export function eventSourceHandler(
  { name, server }: ReadNamespace,
  options: EventSourceOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  checkOptions(options);
  const ticket: EventSourceTicket = { ...options, name };
  return (req, res) => {
    // A program may have no other clients, and no HTTP server of its own to attach to.
    if (server.engine === undefined) server.bind(new Engine(server.opts));
    invite(req, "sse");
    tickets.set(req, ticket);
    server.engine?.handleRequest(req, res);
  };
}

/** Returns what the handler of a request was created with, or what the query asks for. */
export function ticketOf(req: IncomingMessage): EventSourceTicket {
  const { nsp = "/" } = pageQuery(req);
  return tickets.get(req) ?? { name: nsp.startsWith("/") ? nsp : `/${nsp}` };
}

/** Returns the parsed query of a request. */
export function pageQuery(req: IncomingMessage): Record<string, string | undefined> {
  return (req as { _query?: Record<string, string | undefined> })._query ?? {};
}

/*
 * The Fastify plugin.
 * Knows: Fastify's life cycle (hooks, hijacked replies, preClose), the engine's handlers of requests and upgrades, and access
 * to metrics.
 * Must not know: packets, sessions, transports. `fastify` itself is imported only as a type, since it is an optional peer.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Http2Session } from "node:http2";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Board, DashboardOptions } from "./dashboard/index.ts";
import { Server as EngineServer } from "./engine.ts";
import { openDoor, UpgradeDoor } from "./fastify/doors.ts";
import { type EventSourceOptions, Server, type ServerOptions } from "./index.ts";
import { logProblems } from "./logs.ts";
import { kHostListens } from "./relay.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The Socket.IO server of this application, once `@portage/server/fastify` is registered. */
    io: Server;
  }
}

/** The options of `new Server()`. `path` is relative to the prefix of the plugin's context. Default: "/socket.io". */
export type PortageOptions = Partial<ServerOptions> & {
  /**
   * The path of a route that serves `io.metrics()` to Prometheus, or `true` for `/metrics`. Default: no route. The hooks of
   * the application run first. Only requests from this machine are answered, unless {@link MetricsRoute} allows more.
   */
  metrics?: boolean | string | MetricsRoute | null | undefined;
  /**
   * Routes by which plain pages and curl read a namespace, by path: the options of `io.of(namespace).eventSource()`. Default: none.
   * The hooks of the application run first.
   *
   * @example
   * const app = Fastify();
   * await app.register(portage, { eventSources: { "/events/news": { namespace: "/news" } } });
   */
  eventSources?: Readonly<Record<string, EventSourceRoute>> | null | undefined;
  /**
   * Serves the live page of `@portage/server/dashboard`: `true`, or its options. Their `path` is relative to the prefix of the
   * context. The hooks of the application run first. Default: not served, and nothing of it is loaded.
   */
  dashboard?: boolean | DashboardOptions | null | undefined;
  /**
   * Whether `logProblems` of `@portage/server/logs` writes problems to a child of `app.log` with the name `portage`. Without the
   * option `logger` of Fastify, failures of your functions are printed to the console instead. Default: true.
   */
  logs?: boolean | null | undefined;
};

/** What a route for plain pages serves. */
export interface EventSourceRoute extends EventSourceOptions {
  /** The namespace that its pages read. Default: "/". */
  namespace?: string;
}

/** The path of the metrics, and who may read them. Others get 403, `FST_PORTAGE_METRICS_FORBIDDEN`. */
export interface MetricsRoute {
  /** The path of the route, relative to the prefix of the context. Default: `/metrics`. */
  path?: string;
  /** A token that admits requests with `Authorization: Bearer <token>`. Default: none. */
  token?: string;
  /** Whether to answer every request, because hooks of the application or the network restrict them. Default: false. */
  isPublic?: boolean;
}

/** An error of the plugin itself, shaped like Fastify's errors (`name`, `code`, `statusCode`). */
export class PortageFastifyError extends Error {
  override readonly name = "FastifyError";
  /** A code that begins with `FST_PORTAGE_`. */
  readonly code: string;
  /** The HTTP status of the answer. */
  readonly statusCode: number;

  constructor(code: string, message: string, statusCode: number) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
  }
}

const METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Headers of proxies. A request with one of them may come from another machine. */
const PROXY_HEADERS = ["x-forwarded-for", "forwarded", "via"] as const;
const LOOPBACK_ADDRESS = /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/;

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function maySeeMetrics({ headers, ip, ips }: FastifyRequest, { token, isPublic }: MetricsRoute): boolean {
  if (token) return timingSafeEqual(digest(headers.authorization ?? ""), digest(`Bearer ${token}`));
  // With Fastify's option `trustProxy`, `ip` is the address of the client behind all proxies.
  const isDirect = ips !== undefined || PROXY_HEADERS.every((name) => headers[name] === undefined);
  return isPublic === true || (isDirect && LOOPBACK_ADDRESS.test(ip));
}

/** Returns the route of the option `metrics`; undefined when it is off. */
function metricsRoute(option: PortageOptions["metrics"]): MetricsRoute | undefined {
  if (!option) return undefined;
  if (typeof option === "string") return { path: option };
  if (typeof option !== "object") return {};
  const token: unknown = option.token;
  if (token === undefined || token === null || token === false) return option;
  if (typeof token === "string" && token !== "") return option;
  const message = 'The option "metrics.token" must be text: an empty one would let everybody in';
  throw new PortageFastifyError("FST_PORTAGE_INVALID_TOKEN", message, 500);
}

function serveMetrics(app: FastifyInstance, io: Server, route: MetricsRoute): void {
  app.get(checkedPath("metrics", route.path || "/metrics"), (request, reply) => {
    if (maySeeMetrics(request, route)) return reply.type(METRICS_TYPE).send(io.metrics({ exemplars: true }));
    const message = "Metrics are for requests from this machine, or with the token that the server was given";
    throw new PortageFastifyError("FST_PORTAGE_METRICS_FORBIDDEN", message, 403);
  });
}

/** Serves the option `eventSources`. A server that closes refuses pages by itself, so that they return. */
function serveEventSources(scope: FastifyInstance, io: Server, routes: PortageOptions["eventSources"]): void {
  for (const [path, { namespace = "/", ...options }] of Object.entries(routes ?? {})) {
    const read = io.of(namespace).eventSource(options);
    scope.all(checkedPath("eventSources", path), (request, reply) => {
      reply.hijack();
      if (reply.raw.destroyed) return;
      copyHeaders(reply);
      read(request.raw, reply.raw);
    });
  }
}

function checkedPath(option: string, path: unknown): string {
  if (typeof path === "string" && path.startsWith("/")) return path;
  const message = `The path of the option "${option}" must be a string that starts with "/"`;
  throw new PortageFastifyError("FST_PORTAGE_INVALID_PATH", message, 500);
}

/** Returns the path of the engine: the prefix of the context, then the path, without a trailing slash. */
function enginePath(prefix: string, path: unknown): string {
  return prefix.replace(/\/$/, "") + checkedPath("path", path || "/socket.io").replace(/\/+$/, "");
}

/** Throws for an unsupported Fastify. Fastify's own check misses version 2, and its error has no advice. */
function checkVersion(version: string | undefined): void {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  if (major === 5 || (major === 4 && minor >= 16)) return;
  const message = `@portage/server/fastify supports Fastify 4.16 and later 4.x, and 5.x; this is ${version ?? "older"}`;
  throw new PortageFastifyError("FST_PORTAGE_FASTIFY_VERSION", message, 500);
}

/** The live page, and the door for its WebSockets. */
interface MountedBoard {
  readonly board: Board;
  /** Its path in the URLs of requests, without a slash at its end. */
  readonly path: string;
  readonly door: UpgradeDoor;
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => void;
}

/** Makes the live page of the option `dashboard`. Loads it only then. */
async function makeBoard(
  app: FastifyInstance,
  io: Server,
  option: PortageOptions["dashboard"],
): Promise<MountedBoard | undefined> {
  if (!option) return undefined;
  const { dashboard } = await import("./dashboard/index.ts");
  const given = typeof option === "object" ? option : {};
  const path =
    app.prefix.replace(/\/$/, "") + checkedPath("dashboard.path", given.path ?? "/dashboard").replace(/\/+$/, "");
  const board = dashboard(io, { ...given, path });
  const door = new UpgradeDoor(app, `${path}/live/`, board);
  const handler: MountedBoard["handler"] = (request, reply) => {
    reply.hijack();
    if (door.admit(request.raw) || reply.raw.destroyed) return;
    copyHeaders(reply);
    if (!board.handle(request.raw, reply.raw)) reply.raw.writeHead(404).end();
  };
  return { board, path, door, handler };
}

/** Logs problems of the server. Returns what stops it. */
function logTo({ log }: FastifyInstance, io: Server): () => void {
  // Without the option `logger`, Fastify has a logger that drops all lines, and no level.
  if (!("level" in log) || log.level === "silent") return () => {};
  return logProblems(io, log.child({ name: "portage" }));
}

/** Copies headers that hooks have set on the reply (`@fastify/cors`), which a hijacked response would lose. */
function copyHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
}

/**
 * Returns a function that ends HTTP/2 connections when their requests have been answered. Before version 24, Node leaves
 * this to the clients.
 */
function trackHttp2(server: FastifyInstance["server"]): () => void {
  const sessions = new Set<Http2Session>();
  if ("updateSettings" in server) {
    server.on("session", (session: Http2Session) => {
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
    });
  }
  return () => sessions.forEach((session) => session.close());
}

const registerPlugin: FastifyPluginAsync<PortageOptions> = async (app, options) => {
  checkVersion(app.version);
  const path = enginePath(app.prefix, options.path);
  const settings = { ...options, path };
  const io = new Server(settings);
  const engine = new EngineServer(settings);
  const door = new UpgradeDoor(app, options.addTrailingSlash === false ? path : `${path}/`, engine);
  let isOpen = true;

  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    if (!isOpen) throw new PortageFastifyError("FST_PORTAGE_CLOSING", "The server is closing", 503);
    reply.hijack();
    if (door.admit(request.raw)) return;
    // The client left during a hook. "close" has been emitted already, so the engine would wait for it forever.
    if (reply.raw.destroyed) return;
    copyHeaders(reply);
    if (!io.serve(request.raw, reply.raw)) engine.handleRequest(request.raw, reply.raw);
  };

  io.bind(engine);
  app.decorate("io", io);
  const stopLogs = (options.logs ?? true) ? logTo(app, io) : undefined;
  const mounted = await makeBoard(app, io, options.dashboard);
  // The engine is not attached, and its cluster waits for the port.
  app.server.on("listening", () => engine[kHostListens](app.server));
  const closeDoors = [door, ...(mounted ? [mounted.door] : [])].map((each) => openDoor(app.server, each));
  const closeHttp2 = trackHttp2(app.server);
  // Before Fastify waits for pending answers, since open polls would not be answered.
  app.addHook("preClose", async () => {
    isOpen = false;
    await mounted?.board.close();
    await io.close();
    closeHttp2();
  });
  app.addHook("onClose", async () => {
    for (const close of closeDoors) close();
    stopLogs?.();
  });

  const metrics = metricsRoute(options.metrics);
  if (metrics) serveMetrics(app, io, metrics);

  // In its own context, so that the application's body parsers stay.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    serveEventSources(scope, io, options.eventSources);
    const local = path.slice(app.prefix.replace(/\/$/, "").length);
    scope.all(`${local}/*`, handler);
    if (options.addTrailingSlash === false) scope.all(local, handler);
    if (!mounted) return;
    const page = mounted.path.slice(app.prefix.replace(/\/$/, "").length);
    scope.all(page, mounted.handler);
    scope.all(`${page}/*`, mounted.handler);
  });
};

/**
 * Serves Socket.IO from a Fastify application (5.x, or 4.16 and later), and decorates it with `app.io`.
 *
 * Polling requests and upgrades pass the hooks of the application first (`onRequest` for authentication,
 * `@fastify/cors`, ...), and `app.close()` ends every session. Requests outside `path` are not touched.
 *
 * @example
 * const app = Fastify();
 * await app.register(portage, { maxHttpBufferSize: 1e6 });
 * app.io.on("connection", (socket) => socket.emit("hello"));
 * await app.listen({ port: 3000 });
 *
 * @throws PortageFastifyError `FST_PORTAGE_INVALID_PATH` when `path`, `metrics` or one of `eventSources` does not start with a slash,
 * `FST_PORTAGE_INVALID_TOKEN` when `metrics.token` is not a string,
 * `FST_PORTAGE_FASTIFY_VERSION` when the version of Fastify is not supported.
 */
export const portage: FastifyPluginAsync<PortageOptions> = Object.assign(registerPlugin, {
  [Symbol.for("skip-override")]: true, // not encapsulated: `app.io` belongs to the context that registers it
  [Symbol.for("fastify.display-name")]: "@portage/server",
  [Symbol.for("plugin-meta")]: { name: "@portage/server" },
});

export default portage;

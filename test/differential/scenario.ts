import type { Server as EngineServer, ServerOptions as EngineOptions, Socket as Session, Transport } from "engine.io";
import type { Server, ServerOptions, Socket } from "socket.io";
import {
  io as connectClient,
  type ManagerOptions,
  type Socket as ClientSocket,
  type SocketOptions,
} from "socket.io-client";
import { expect, test } from "vitest";
import { serve, serveEngine, type Host } from "../support/servers/host.ts";
import { call, startCall, type HttpCall, type HttpReply } from "../support/raw/http.ts";
import { RawPolling, type RawOptions } from "../support/raw/polling.ts";
import { RawWebSocket, type RawWebSocketOptions } from "../support/raw/websocket.ts";
import { portage, reference, type Target } from "../support/targets.ts";
import { show, Tracer, type Trace } from "../support/tracer.ts";
import { expectation, generalise } from "./differences.ts";

type Own<T> = Omit<Partial<T>, "port" | "tracer" | "name">;
type ClientOptions = Partial<ManagerOptions & SocketOptions>;
type HttpOptions = Omit<HttpCall, "port">;

/** The context of a scenario, equal for both servers. */
class Context {
  readonly tracer = new Tracer();
  readonly host: Host;
  readonly #clients: { disconnect(): unknown }[] = [];
  readonly #raw: RawWebSocket[] = [];
  readonly path: string;

  constructor(host: Host, path: string) {
    this.host = host;
    this.path = path;
  }

  get port(): number {
    return this.host.port;
  }

  /** Records an event of the application. */
  note(lane: string, ...values: unknown[]): void {
    this.tracer.write(lane, values.map(show).join(" "));
  }

  seen(lane: string, pattern: RegExp | string, times = 1): Promise<void> {
    return this.tracer.seen(lane, pattern, times);
  }

  /** One HTTP request, with its answer in the lane `http`. */
  async http(options: HttpOptions): Promise<HttpReply> {
    const reply = await call({ port: this.port, ...options });
    this.note("http", `${options.method ?? "GET"} ${options.path}`);
    this.tracer.reply("http", reply);
    this.note("http", `< ${reply.text}`);
    return reply;
  }

  /** A request under way, in no lane. */
  startHttp(options: HttpOptions): ReturnType<typeof startCall> {
    return startCall({ port: this.port, ...options });
  }

  /** A polling client that has not shaken hands yet. */
  rawPolling(name: string, options: Own<RawOptions> = {}): RawPolling {
    return new RawPolling({ path: this.path, ...options, port: this.port, tracer: this.tracer, name });
  }

  polling(name: string, options: Own<RawOptions> = {}): Promise<RawPolling> {
    return RawPolling.open({ path: this.path, ...options, port: this.port, tracer: this.tracer, name });
  }

  async websocket(name: string, options: Own<RawWebSocketOptions> = {}): Promise<RawWebSocket> {
    const all = { path: this.path, ...options, port: this.port, tracer: this.tracer, name };
    const client = await RawWebSocket.connect(all);
    this.#raw.push(client);
    return client;
  }

  /** A WebSocket that the server refuses; the answer is in its lane. */
  async refusedWebsocket(name: string, options: Own<RawWebSocketOptions> = {}): Promise<void> {
    await expect(this.websocket(name, options)).rejects.toThrow(/upgrade answered/);
  }

  /** A Socket.IO client with its events in a lane. */
  client(name: string, namespace = "/", options: ClientOptions = {}): ClientSocket {
    const client = connectClient(`${this.host.url}${namespace}`, { forceNew: true, reconnection: false, ...options });
    this.#clients.push(client);
    client.on("connect", () => {
      this.tracer.mask(client.id ?? "", `<id of ${name}>`);
      this.note(name, "connect");
    });
    client.on("connect_error", (error) =>
      this.note(name, "connect_error", error.message, (error as { data?: unknown }).data),
    );
    client.on("disconnect", (reason) => this.note(name, "disconnect", reason));
    client.onAny((event: string, ...args: unknown[]) =>
      this.note(name, event, ...args.filter((arg) => typeof arg !== "function")),
    );
    return client;
  }

  leave(): void {
    for (const client of this.#clients) client.disconnect();
    for (const client of this.#raw) client.cut();
  }
}

/** The context of a scenario that runs on a Socket.IO server. */
export class SocketContext extends Context {
  readonly io: Server;

  constructor(host: Host, io: Server) {
    super(host, "/socket.io/");
    this.io = io;
  }

  /** Records the events of a server's socket, in the lane `server` or another one. */
  watch(socket: Socket, lane = "server"): void {
    this.tracer.mask(socket.id, `<socket in ${lane}>`);
    this.note(lane, "connection", socket.nsp.name);
    socket.on("disconnecting", (reason) => this.note(lane, "disconnecting", reason, "rooms", socket.rooms.size));
    socket.on("disconnect", (reason) => this.note(lane, "disconnect", reason, "rooms", socket.rooms.size));
    socket.on("error", (error) => this.note(lane, "error", error.message));
    socket.onAny((event: string, ...args: unknown[]) => {
      this.note(lane, event, ...args.filter((arg) => typeof arg !== "function"));
    });
  }

  /** Watches every socket of a namespace. */
  watchAll(namespace = "/", lane = "server"): void {
    this.io.of(namespace).on("connection", (socket) => this.watch(socket, lane));
  }

  /** Records engine events: refusals, sessions with their upgrade and end. */
  watchEngine(): void {
    watchEngine(this, this.io.engine);
  }
}

/** The context of a scenario that runs on an Engine.IO server. */
export class EngineContext extends Context {
  readonly engine: EngineServer;

  constructor(host: Host, engine: EngineServer) {
    super(host, "/engine.io/");
    this.engine = engine;
  }

  watchEngine(): void {
    watchEngine(this, this.engine);
  }
}

interface Refusal {
  code: number;
  message: string;
  context: unknown;
}

function watchEngine(context: Context, engine: EngineServer): void {
  engine.on("connection_error", ({ code, message, context: details }: Refusal) => {
    context.note("engine", "connection_error", code, message, details);
  });
  engine.on("connection", (session: Session) => {
    context.note("engine", "connection", session.transport.name, session.protocol, session.readyState);
    session.on("upgrading", (transport: Transport) => context.note("engine", "upgrading", transport.name));
    session.on("upgrade", (transport: Transport) => context.note("engine", "upgrade", transport.name));
    session.on("close", (reason: string) => context.note("engine", "close", reason, session.readyState));
  });
}

type SocketScenario = (context: SocketContext) => Promise<void>;
type EngineScenario = (context: EngineContext) => Promise<void>;

async function traceSocket(target: Target, options: Partial<ServerOptions>, scenario: SocketScenario): Promise<Trace> {
  const running = await serve(target, options);
  const context = new SocketContext(running.host, running.io);
  try {
    await scenario(context);
    return context.tracer.finish();
  } finally {
    context.leave();
    await running.stop();
  }
}

async function traceEngine(target: Target, options: EngineOptions, scenario: EngineScenario): Promise<Trace> {
  const running = await serveEngine(target, options);
  const context = new EngineContext(running.host, running.engine);
  try {
    await scenario(context);
    return context.tracer.finish();
  } finally {
    context.leave();
    await running.stop();
  }
}

/** `DIFFERENTIAL_SUBJECT=reference` compares the reference with itself, to find scenarios that depend on chance. */
const compared = process.env["DIFFERENTIAL_SUBJECT"] === "reference" ? reference : portage;

function compare(name: string, trace: (target: Target) => Promise<Trace>): void {
  test(name, async () => {
    const expected = await trace(reference);
    if (process.env["DIFFERENTIAL_PRINT"]) console.log(name, expected);
    const actual = await trace(compared);
    if (process.env["DIFFERENTIAL_PRINT"]) console.log(name, actual);
    const wanted = compared === reference ? expected : expectation(name, expected);
    expect(generalise(actual)).toEqual(generalise(wanted));
  });
}

/** Runs one script against a Socket.IO server of each kind; the traces must be equal. */
export function differential(name: string, options: Partial<ServerOptions>, scenario: SocketScenario): void {
  compare(name, (target) => traceSocket(target, options, scenario));
}

/** The same for an Engine.IO server. */
export function differentialEngine(name: string, options: EngineOptions, scenario: EngineScenario): void {
  compare(name, (target) => traceEngine(target, options, scenario));
}

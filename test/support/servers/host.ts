import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { Server as EngineServer, ServerOptions as EngineOptions } from "engine.io";
import type { Server, ServerOptions } from "socket.io";
import { noteArrival, ORDER_HEADER } from "../raw/http.ts";
import type { Target } from "../targets.ts";
import { within } from "../waiting.ts";

/** A listening HTTP server that tracks its connections. */
export class Host {
  readonly http: HttpServer;
  readonly #connections = new Set<Socket>();
  readonly #ports = new EventEmitter();
  readonly #seen = new Map<number, "accepted" | "ended">();

  constructor(http: HttpServer = createServer()) {
    this.http = http;
    (http as NetServer).on("connection", (stream: Socket) => {
      const port = stream.remotePort ?? 0;
      this.#connections.add(stream);
      this.#note(port, "accepted");
      stream.once("close", () => {
        this.#connections.delete(stream);
        this.#note(port, "ended");
      });
    });
  }

  /** Listens on a free port of the loopback; call it once the server under test is attached. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.http.listen(0, "127.0.0.1", resolve));
    // The handler of the server under test runs in the same emit, before the arrival is reported in a later turn.
    this.http.prependListener("request", (req: IncomingMessage) => noteArrival(req.headers[ORDER_HEADER] as string));
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Waits until the client's connection from its local `port` was accepted. */
  accepted(port: number): Promise<void> {
    return this.#wait(port, "accepted");
  }

  /** Waits until the server's side of that connection is closed. */
  ended(port: number): Promise<void> {
    return this.#wait(port, "ended");
  }

  #note(port: number, state: "accepted" | "ended"): void {
    this.#seen.set(port, state);
    this.#ports.emit(`${port} ${state}`);
  }

  async #wait(port: number, state: "accepted" | "ended"): Promise<void> {
    const seen = this.#seen.get(port);
    if (seen === state || seen === "ended") return;
    await within(once(this.#ports, `${port} ${state}`), `the server to have ${state} the connection from port ${port}`);
  }

  /** Waits until all connections are closed, as a closed server must close them. */
  async drained(): Promise<void> {
    const gone = [...this.#connections].map((stream) => new Promise((resolve) => stream.once("close", resolve)));
    await within(Promise.all(gone), () => `${this.#connections.size} connections to end after the server closed`);
  }
}

/** A running Socket.IO server. */
export interface Running {
  readonly host: Host;
  readonly io: Server;
  readonly port: number;
  readonly url: string;
  /** Closes the server; rejects if it leaves a connection open. */
  stop(): Promise<void>;
}

export async function serve(target: Target, options: Partial<ServerOptions> = {}, http?: HttpServer): Promise<Running> {
  const host = new Host(http);
  const io = new target.socketio.Server(host.http, options);
  await host.listen();
  const stop = async (): Promise<void> => {
    await within(Promise.resolve(io.close()), "io.close() to resolve");
    await host.drained();
  };
  return { host, io, port: host.port, url: host.url, stop };
}

/** A running Engine.IO server, at `/engine.io/`. */
export interface RunningEngine {
  readonly host: Host;
  readonly engine: EngineServer;
  readonly port: number;
  stop(): Promise<void>;
}

export async function serveEngine(target: Target, options: EngineOptions = {}): Promise<RunningEngine> {
  const host = new Host();
  const engine = new target.engine.Server(options);
  engine.attach(host.http);
  await host.listen();
  const stop = async (): Promise<void> => {
    engine.close();
    await within(new Promise((resolve) => host.http.close(resolve)), "the HTTP server to close");
    await host.drained();
  };
  return { host, engine, port: host.port, stop };
}

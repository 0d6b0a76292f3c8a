import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Server } from "../index.ts";
import { putInFront, receivesRequests, type RequestListener } from "../base/request-chain.ts";
import { kEngineClock } from "../engine/index.ts";
import { kAttached } from "../socketio/keys.ts";
import { Access } from "./access.ts";
import { Assets } from "./assets.ts";
import { Core } from "./core.ts";
import { LiveDoor } from "./door.ts";
import { helloFor } from "./hello.ts";
import { type DashboardOptions, resolveBoardOptions } from "./options.ts";
import { Pages, restOf } from "./pages.ts";
import { BOARD_PARTS } from "./parts.ts";
import { PartRegistry } from "./registry.ts";
import type { BoardSocket } from "./sockets.ts";
import { whyPolling } from "./why-polling.ts";
import type { WhyPolling } from "./wire.ts";

/** The live page of a server, once {@link dashboard} has made it. */
export class Board {
  readonly #core: Core;
  readonly #registry: PartRegistry;
  readonly #door: LiveDoor;
  readonly #pages: Pages;
  readonly #listeners = new Map<HttpServer, RequestListener>();
  readonly #unfollow: () => void;
  #state: "open" | "closed" = "open";

  /**
   * Programs call {@link dashboard}.
   *
   * @param folder where the built page is. Default: in this package
   */
  constructor(io: Server, given: DashboardOptions, folder?: string) {
    const options = resolveBoardOptions(given, io.path());
    const { path } = options;
    this.#core = new Core(io, options, {
      tick: (tick) => this.#door.tick(tick),
      findings: (findings) => this.#door.showFindings(findings),
      viewers: () => this.#door.size,
    });
    const access = new Access(options, io[kEngineClock], this.#core.nodes);
    this.#registry = new PartRegistry(BOARD_PARTS, this.#core);
    this.#door = new LiveDoor(
      path,
      access,
      {
        registry: this.#registry,
        hello: (viewer) =>
          helloFor(viewer, this.#core, { registry: this.#registry, canLogOut: access.login !== undefined }),
        findings: () => this.#core.allFindings,
        hide: (value) => this.#core.sessionIds.hide(value),
        mayAct: (...action) => mayAct(options, ...action),
      },
      io.cluster,
    );
    this.#pages = new Pages({
      path,
      access,
      assets: new Assets(folder),
      isFull: () => this.#door.isFull,
      handleLive: (req, res) => this.#door.handleRequest(req, res),
    });
    this.#core.everySecond(() => this.#door.onSecond());
    this.#unfollow = io[kAttached].httpServers.follow({
      onAttached: (httpServer) => this.#mount(httpServer as HttpServer),
      onClosing: () => this.#stop(),
    });
    // Nothing runs for a board whose path is taken.
    this.#start();
  }

  /**
   * The path of the page, with a slash at its end. Behind a proxy, the address may have more in front.
   *
   * @example
   * console.log(`live page at http://localhost:3000${dashboard(io).url}`);
   */
  get url(): string {
    return `${this.#core.options.path}/`;
  }

  /**
   * Answers a request for the page, for servers that `io` is not attached to.
   *
   * @returns false for any other request, without writing to the response
   * @example
   * const board = dashboard(io);
   * if (!board.handle(req, res)) res.writeHead(404).end();
   */
  handle(req: IncomingMessage, res: ServerResponse): boolean {
    return this.#state === "open" && this.#pages.answer(req, res);
  }

  /**
   * Takes an upgrade request of the page, for servers that `io` is not attached to. Without it, the page uses long-polling.
   *
   * @returns false for any other request, without touching the stream
   * @example
   * const board = dashboard(io);
   * httpServer.on("upgrade", (req, stream, head) => board.handleUpgrade(req, stream, head) || stream.destroy());
   */
  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): boolean {
    const rest = restOf(req.url ?? "", `${this.#core.options.path}/live`);
    if (rest === undefined || this.#state === "closed") return false;
    this.#door.handleUpgrade(req, stream, head);
    return true;
  }

  /**
   * Takes a WebSocket of the page over HTTP/2 (RFC 8441): a `connect` event of an HTTP/2 server.
   *
   * @returns false for any other request, without writing to the response
   */
  handleConnect(req: IncomingMessage, res: ServerResponse): boolean {
    const rest = restOf(req.url ?? "", `${this.#core.options.path}/live`);
    if (rest === undefined || this.#state === "closed") return false;
    this.#door.handleConnect(req, res);
    return true;
  }

  /**
   * Ends the page: its viewers, its timers, and its paths of the HTTP servers. The server itself goes on.
   *
   * @example
   * await dashboard(io).close();
   */
  async close(): Promise<void> {
    this.#unfollow();
    this.#stop();
    this.#state = "closed";
    await this.#door.close();
  }

  /**
   * Returns why the client of a socket is on polling: a code, a sentence, and what to do.
   *
   * @example
   * const board = dashboard(io);
   * io.on("connection", (socket) => {
   *   setTimeout(() => console.log(board.whyPolling(socket).sentence), 30_000);
   * });
   */
  whyPolling(socket: BoardSocket): WhyPolling {
    return whyPolling(this.#core, socket);
  }

  #start(): void {
    if (this.#core.isRunning) return;
    this.#registry.start();
    this.#core.start();
  }

  /** Nothing is left running: neither timers, nor subscriptions, nor viewers, for whom an HTTP server would wait. */
  #stop(): void {
    if (!this.#core.isRunning) return;
    this.#core.stop();
    this.#registry.stop();
    this.#door.sendAway();
  }

  #mount(httpServer: HttpServer): void {
    const mounted = this.#listeners.get(httpServer);
    if (mounted !== undefined && receivesRequests(mounted, httpServer)) return this.#start();
    this.#door.attach(httpServer);
    this.#start();
    this.#listeners.set(
      httpServer,
      putInFront(httpServer, (req, res) => this.handle(req, res)),
    );
  }
}

async function mayAct({ onAction }: DashboardOptions, name: string, target: unknown, viewer: string): Promise<boolean> {
  if (onAction === undefined) return true;
  try {
    return (await onAction({ name, target }, viewer)) !== false;
  } catch {
    return false;
  }
}

/**
 * Serves a live page of a server: connections, problems and figures, with what to do about them. Without options, the page is
 * at `/dashboard`, opens from this machine alone, and changes nothing.
 *
 * The page is on the HTTP servers that `io` is attached to, now or later. Elsewhere, pass requests to {@link Board.handle}.
 *
 * @throws DashboardError `DASHBOARD_OPTION_INVALID`
 * @example
 * const board = dashboard(io, { auth: { token: "the token of 32 random characters" } });
 */
export function dashboard(io: Server, options: DashboardOptions = {}): Board {
  return new Board(io, options);
}

/*
 * The door of the live page: a private server, so that the page opens when the server itself is full or draining, and leaves
 * no trace in its figures.
 * Knows: the server's public API, pages that are open.
 * Must not know: what the parts collect.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { EngineCluster } from "../engine/index.ts";
import { Server as EngineServer } from "../engine.ts";
import { Server, type ServerOptions } from "../index.ts";
import type { AnyHttpServer } from "../socketio/index.ts";
import { type Access, type Pass } from "./access.ts";
import { isSameOrigin } from "./local.ts";
import type { ViewParams } from "./part.ts";
import type { BoardSocket } from "./sockets.ts";
import { OpenPage, type ViewerHost } from "./viewer.ts";
import type { Finding, Tick, ViewName } from "./wire.ts";

/** Pages that may be open at once. */
const MOST_VIEWERS = 8;
/** Seconds between two looks at watched views, and between two checks of roles. */
const REFRESH = 2;
const CHECK_ROLES = 60;
/** Bytes that wait for a page. */
const MOST_QUEUED = 1_000_000;
/** Messages of a page before it is admitted. */
const MOST_EARLY = 16;

/** What the door uses of the board. */
type DoorHost = Omit<ViewerHost, "checkAgain">;

function privateOptions(path: string, access: Access): Partial<ServerOptions> {
  return {
    path: `${path}/live`,
    serveClient: false,
    maxConnections: MOST_VIEWERS,
    maxHttpBufferSize: 64_000,
    maxEventsPerSecond: 50,
    maxNamespaces: 1,
    connectTimeout: 10_000,
    slowReader: { soft: 256_000, hard: MOST_QUEUED, burst: MOST_QUEUED },
    allowRequest: (req, decide) => {
      if (!isSameOrigin(req)) return decide(null, false);
      void access.check(req).then((pass) => decide(null, typeof pass === "object"));
    },
  };
}

/** The node counts neither pages nor waits for them when it leaves. */
function asGuest(cluster: EngineCluster): EngineCluster {
  return { connect: (host) => cluster.connect({ ...host, isGuest: true }) };
}

/** The private server, and the pages that are connected to it. */
export class LiveDoor {
  readonly #access: Access;
  readonly #host: ViewerHost;
  readonly #server: Server;
  readonly #engine: EngineServer;
  readonly #options: Partial<ServerOptions>;
  readonly #pages = new Set<OpenPage>();
  #seconds = 0;
  #state: "idle" | "refreshing" = "idle";

  /** @param cluster lets polls of a page land at any node */
  constructor(path: string, access: Access, host: DoorHost, cluster?: EngineCluster) {
    this.#access = access;
    this.#host = { ...host, checkAgain: (page) => this.#check(page.socket.request) };
    this.#options = privateOptions(path, access);
    this.#server = new Server(this.#options);
    this.#engine = new EngineServer({ ...this.#options, ...(cluster && { cluster: asGuest(cluster) }) });
    this.#server.bind(this.#engine);
    this.#server.on("connection", (socket) => void this.#admit(socket));
  }

  get size(): number {
    return this.#pages.size;
  }

  get isFull(): boolean {
    return this.#engine.clientsCount >= MOST_VIEWERS;
  }

  attach(httpServer: AnyHttpServer): void {
    this.#engine.attach(httpServer as Parameters<EngineServer["attach"]>[0], { path: `${this.#options.path}` });
  }

  handleRequest(req: IncomingMessage, res: ServerResponse): void {
    this.#engine.handleRequest(req, res);
  }

  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#engine.handleUpgrade(req, stream, head);
  }

  handleConnect(req: IncomingMessage, res: ServerResponse): void {
    this.#engine.handleConnect(req, res);
  }

  async #check(req: IncomingMessage): Promise<Pass | undefined> {
    const pass = await this.#access.check(req);
    return typeof pass === "object" ? pass : undefined;
  }

  /** The request was checked before the session opened; the answer is asked for again, because the engine keeps none. */
  async #admit(socket: BoardSocket): Promise<void> {
    const early: unknown[][] = [];
    const keep = (...event: unknown[]): void => {
      if (early.push(event) > MOST_EARLY) socket.disconnect(true);
    };
    socket.onAny(keep);
    const pass = await this.#check(socket.request);
    socket.offAny(keep);
    if (pass === undefined || !socket.connected) return void socket.disconnect(true);
    const page = new OpenPage(socket, pass, this.#host);
    this.#pages.add(page);
    page.onGone(() => this.#pages.delete(page));
    for (const event of early) page.take(event);
  }

  /** Sends the figures of a second, and each two seconds what pages watch. */
  tick(tick: Tick): void {
    for (const page of this.#pages) page.tick(tick);
  }

  showFindings(findings: readonly Finding[]): void {
    for (const page of this.#pages) page.showFindings(findings);
  }

  /** Called once a second. */
  onSecond(): void {
    if (this.#pages.size === 0) return;
    this.#seconds += 1;
    if (this.#seconds % REFRESH === 0) void this.#refresh();
    if (this.#seconds % CHECK_ROLES === 0) for (const page of this.#pages) void page.checkRole();
  }

  /** Asks for each watched view once, however many pages watch it. Skipped while the last round goes on. */
  async #refresh(): Promise<void> {
    if (this.#state === "refreshing") return;
    this.#state = "refreshing";
    const answers = new Map<string, Promise<unknown>>();
    const look = (view: ViewName, params: ViewParams): Promise<unknown> => {
      const key = JSON.stringify([view, params]);
      const known = answers.get(key) ?? this.#host.registry.look(view, params);
      answers.set(key, known);
      return known;
    };
    await Promise.all(Array.from(this.#pages, (page) => page.refresh(look)));
    this.#state = "idle";
  }

  /** Ends all pages. */
  sendAway(): void {
    for (const page of this.#pages) page.bye("CLOSED");
  }

  /** Ends all pages, and the private server. Its HTTP servers go on. */
  async close(): Promise<void> {
    this.sendAway();
    await this.#server.close();
  }
}

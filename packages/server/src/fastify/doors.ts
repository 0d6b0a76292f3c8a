/*
 * Upgrades and CONNECTs of the HTTP server of an application: each goes to the door of its path.
 * Knows: Fastify's routing, the doors of other plugins on the same server.
 * Must not know: engines and pages behind the doors.
 */
import { ServerResponse, type IncomingMessage } from "node:http";
import { PassThrough, type Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";

const ignoreSocketError = (): void => {};

/** Takes upgrades and CONNECTs after the hooks: an engine, or the live page. */
export interface UpgradeTaker {
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): unknown;
  handleConnect(req: IncomingMessage, res: ServerResponse): unknown;
}

/**
 * Passes upgrade requests through the routes of the application, so that an `onRequest` hook guards WebSocket requests as it
 * guards polling.
 */
export class UpgradeDoor {
  readonly #app: FastifyInstance;
  /** The prefix of the URLs of its requests. */
  readonly prefix: string;
  readonly #engine: UpgradeTaker;
  /** Functions that complete upgrades after the hooks. By request, because Fastify passes on nothing else. */
  readonly #admissions = new WeakMap<IncomingMessage, () => void>();

  constructor(app: FastifyInstance, prefix: string, engine: UpgradeTaker) {
    this.#app = app;
    this.prefix = prefix;
    this.#engine = engine;
  }

  readonly onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Node has removed its own listener, so a reset during an asynchronous hook would end the process.
    socket.on("error", ignoreSocketError);
    const response = new ServerResponse(req);
    // The response writes to a stream of its own, so that it leaves no listeners on the socket.
    const output = new PassThrough();
    response.shouldKeepAlive = false;
    response.assignSocket(output as Duplex as IncomingMessage["socket"]);
    response.on("finish", () => output.end());
    output.pipe(socket);
    this.#admissions.set(req, () => {
      this.#admissions.set(req, ignoreSocketError);
      output.unpipe(socket);
      socket.off("error", ignoreSocketError);
      if (!socket.destroyed) this.#engine.handleUpgrade(req, socket, head);
    });
    this.#app.routing(req, response);
  };

  readonly onConnect = (req: IncomingMessage, res: ServerResponse): void => {
    this.#admissions.set(req, () => {
      this.#admissions.set(req, ignoreSocketError);
      req.method = "CONNECT";
      this.#engine.handleConnect(req, res);
    });
    // Fastify has no routes for CONNECT, so hooks see a GET, as for an upgrade.
    req.method = "GET";
    this.#app.routing(req, res);
  };

  /** Passes a WebSocket handshake to the engine. Returns false for any other request. */
  admit(req: IncomingMessage): boolean {
    const admission = this.#admissions.get(req);
    admission?.();
    return admission !== undefined;
  }
}

/** The doors of each HTTP server. The first one handles every upgrade on behalf of all. */
const doorsOf = new WeakMap<object, Set<UpgradeDoor>>();

/** Admits WebSockets by a door. Of several matching prefixes, the longest wins. Returns a function that closes the door. */
export function openDoor(server: FastifyInstance["server"], door: UpgradeDoor): () => void {
  const doors = doorsOf.get(server) ?? new Set();
  doorsOf.set(server, doors.add(door));
  const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!isFirst(doors, door)) return;
    const found = doorFor(doors, req);
    if (found) found.onUpgrade(req, socket, head);
    else if (server.listenerCount("upgrade") === doors.size) refuseStrayUpgrade(socket);
  };
  // For HTTP/2. With HTTP/1, the second argument is the socket of a client that mistakes the server for a proxy.
  const onConnect = (req: IncomingMessage, res: ServerResponse | Duplex): void => {
    if (!isFirst(doors, door)) return;
    const found = req.httpVersionMajor === 2 ? doorFor(doors, req) : undefined;
    if (found) found.onConnect(req, res as ServerResponse);
    else if (server.listenerCount("connect") === doors.size) refuseHttp2Connect(req, res);
  };
  const isHttp2 = "updateSettings" in server;
  server.on("upgrade", onUpgrade);
  if (isHttp2) server.on("connect", onConnect);
  return () => {
    doors.delete(door);
    server.off("upgrade", onUpgrade);
    if (isHttp2) server.off("connect", onConnect);
  };
}

function isFirst(doors: Iterable<UpgradeDoor>, door: UpgradeDoor): boolean {
  const [first] = doors;
  return first === door;
}

function doorFor(doors: Iterable<UpgradeDoor>, { url }: IncomingMessage): UpgradeDoor | undefined {
  let found: UpgradeDoor | undefined;
  for (const each of doors) {
    if (url?.startsWith(each.prefix) && each.prefix.length > (found?.prefix.length ?? -1)) found = each;
  }
  return found;
}

/** Answers 404 to an upgrade that no listener handles, because its socket would stay open forever. */
function refuseStrayUpgrade(socket: Duplex): void {
  socket.on("error", ignoreSocketError);
  socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

/** Answers a CONNECT that no listener handles: 404 for a WebSocket, else as Node does without a listener. */
function refuseHttp2Connect({ headers }: IncomingMessage, res: ServerResponse | Duplex): void {
  if ("writeHead" in res) res.writeHead(headers[":protocol"] === undefined ? 405 : 404).end();
  else res.destroy();
}

/*
 * The worker's part in passing sockets.
 *
 * Theory. A socket that is passed exists in several processes at once, as copies of one connection. Closing a copy changes
 * nothing for the client as long as another copy is open; writing to two of them would ruin the stream. So, at any time, one
 * process may write: the front until it sends the socket, the owner once it has taken it. The front may write again when it
 * knows that no owner will: "missed". While it does not know, it waits; when it has waited for too long, it closes its copy
 * without a word. If the owner has the socket, nothing is lost by that; if no process has, the client sees the end.
 *
 * Reading has the same rule. Every process stops the handle in the turn in which it gets the socket, unless it is the owner.
 */
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Clock, PendingCall } from "@portage/server/relay";
import { MAX_PASSED_HEAD, MAX_HEADERS, MAX_PASSED, PASS_TIMEOUT } from "./limits.ts";
import { type WorkerMessage, type PassedRequest, readMessage } from "./messages.ts";
import { quiet, type QuietSocket, unfollow } from "./quiet-socket.ts";

/**
 * What became of a socket: `taken`, the owner has it; `missed`, the owner can't take it, and the front has it as before; `lost`,
 * there was no answer in time, and the front has closed it.
 */
export type HandOverEnd = "taken" | "missed" | "lost";

/** Handles the handshake of a socket that was passed to this process. */
export type AcceptSocket = (req: IncomingMessage, socket: Socket, head: Buffer) => void;

/** How a worker reaches its primary. */
export interface HandOverPort {
  readonly clock: Clock;
  /** Sends a message, with a copy of the socket. */
  send(message: WorkerMessage, socket?: Socket, done?: (isSent: boolean) => void): void;
}

interface PendingPass {
  readonly socket: Socket;
  readonly quiet: QuietSocket;
  readonly timer: PendingCall;
  readonly resolve: (end: HandOverEnd) => void;
}

/** Passes sockets to sibling workers, and takes theirs. */
export class SocketHandOver {
  readonly #port: HandOverPort;
  readonly #accepts = new Map<string, AcceptSocket>();
  readonly #pending = new Map<number, PendingPass>();
  #nextId = 0;
  #isPrimaryOurs = false;
  /** Sockets by what became of them. */
  readonly stats: Record<HandOverEnd | "accepted", number> = { taken: 0, missed: 0, lost: 0, accepted: 0 };

  constructor(port: HandOverPort) {
    this.#port = port;
    port.send({ name: "hello" });
  }

  /** Takes the sockets of a node's sessions. Returns a function that ends this. */
  join(tag: string, accept: AcceptSocket): () => void {
    this.#accepts.set(tag, accept);
    if (this.#isPrimaryOurs) this.#port.send({ name: "join", tag });
    return () => {
      if (this.#accepts.get(tag) !== accept) return;
      this.#accepts.delete(tag);
      if (this.#isPrimaryOurs) this.#port.send({ name: "part", tag });
    };
  }

  /** Whether the socket of a handshake can be passed: a plain TCP socket of HTTP/1.1, and a primary that passes it on. */
  canHandOver(req: IncomingMessage, socket: unknown): socket is Socket {
    if (!this.#isPrimaryOurs || this.#pending.size >= MAX_PASSED) return false;
    if (!(socket instanceof Socket) || "encrypted" in socket || req.rawHeaders.length > MAX_HEADERS) return false;
    return !socket.destroyed && socket.readable && socket.writable && socket.writableLength === 0;
  }

  /**
   * Passes a socket to the worker that has a tag.
   *
   * @param head what was received after the request
   */
  handOver(tag: string, req: IncomingMessage, socket: Socket, head: Buffer): Promise<HandOverEnd> {
    const stopped = quiet(socket);
    if (!stopped) return Promise.resolve("missed");
    const bytes = Buffer.concat([head, stopped.bytes]);
    if (bytes.length > MAX_PASSED_HEAD) {
      stopped.restore();
      return Promise.resolve("missed");
    }
    const id = this.#nextId;
    this.#nextId += 1;
    unfollow(socket);
    return new Promise((resolve) => {
      const timer = this.#port.clock.after(PASS_TIMEOUT, () => this.#settle(id, "lost"));
      this.#pending.set(id, { socket, quiet: stopped, timer, resolve });
      this.#port.send({ name: "pass", id, tag, request: describeRequest(req, bytes) }, socket, (isSent) => {
        if (!isSent) this.#settle(id, "missed");
      });
    });
  }

  /** Handles a message of the primary. */
  onMessage(received: unknown, socket: unknown): void {
    const message = readMessage(received);
    if (message?.name === "primary") this.#onPrimary();
    else if (message?.name === "taken" || message?.name === "missed") this.#settle(message.id, message.name);
    else if (message?.name === "take") this.#take(message, socket instanceof Socket ? socket : undefined);
  }

  #onPrimary(): void {
    this.#isPrimaryOurs = true;
    for (const tag of this.#accepts.keys()) this.#port.send({ name: "join", tag });
  }

  #settle(id: number, end: HandOverEnd): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.timer.cancel();
    this.stats[end] += 1;
    if (end === "missed") pending.quiet.restore();
    else pending.socket.destroy();
    pending.resolve(end);
  }

  #take({ id, front, tag, request }: WorkerMessage & { name: "take" }, socket: Socket | undefined): void {
    const accept = this.#accepts.get(tag);
    if (!accept || !socket) {
      socket?.destroy();
      return this.#port.send({ name: "missed", id, front });
    }
    this.stats.accepted += 1;
    // As the sockets of an HTTP server: a client that ends its side can still get an answer.
    socket.allowHalfOpen = true;
    this.#port.send({ name: "taken", id, front });
    accept(rebuild(request, socket), socket, Buffer.from(request.head, "base64"));
  }
}

function describeRequest(
  { method = "GET", url = "/", httpVersion, rawHeaders }: IncomingMessage,
  head: Buffer,
): PassedRequest {
  return { method, url, httpVersion, rawHeaders, head: head.toString("base64") };
}

/** Makes the request of a handshake again, over the socket that it came by. */
function rebuild({ method, url, httpVersion, rawHeaders }: PassedRequest, socket: Socket): IncomingMessage {
  const req = new IncomingMessage(socket);
  const [major, minor] = httpVersion.split(".").map(Number);
  Object.assign(req, { method, url, httpVersion, httpVersionMajor: major, httpVersionMinor: minor, upgrade: true });
  // Node's own way to set both, the raw headers and the parsed ones.
  const add = Reflect.get(req, "_addHeaderLines") as (lines: readonly string[], count: number) => void;
  add.call(req, rawHeaders, rawHeaders.length);
  req.complete = true;
  req.push(null);
  return req;
}

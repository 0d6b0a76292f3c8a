import type { Socket } from "node:net";
import type { WorkerMessage } from "./messages.ts";
import { quiet } from "./quiet-socket.ts";
import { TagTable } from "./tag-table.ts";

/** How the primary reaches its workers. */
export interface PassingPort {
  /** Sends a message, maybe with a socket. Returns false if the worker is gone. */
  send(worker: number, message: WorkerMessage, socket?: Socket, done?: (isSent: boolean) => void): boolean;
}

/**
 * Passes sockets from the worker where a handshake arrived, the front, to the worker that has the session, the owner.
 *
 * The front keeps its copy of the socket until the owner confirms, so the primary need not care for sockets that fail: it
 * destroys its own copy, which closes nothing at the client, and says "missed". A socket here is in `#underWay` until it has
 * left for its owner. Node.js would leak sockets in its queue for a worker that ends.
 */
export class Passing {
  readonly tags = new TagTable();
  readonly #port: PassingPort;
  readonly #underWay = new Map<number, Set<Socket>>();

  constructor(port: PassingPort) {
    this.#port = port;
  }

  /** Handles a message of a worker. */
  onMessage(worker: number, message: WorkerMessage, socket: Socket | undefined): void {
    switch (message.name) {
      case "hello":
        this.greet(worker);
        break;
      case "join":
        this.tags.join(message.tag, worker);
        break;
      case "part":
        this.tags.part(message.tag, worker);
        break;
      case "pass":
        this.#pass(worker, message, socket);
        break;
      case "taken":
      case "missed":
        this.#port.send(message.front, message);
        break;
      case "began":
      case "ready":
      case "leave":
      case "primary":
      case "take":
        break;
    }
  }

  /** Lets a worker know that sockets can be passed. It answers with its tags. */
  greet(worker: number): void {
    this.#port.send(worker, { name: "primary" });
  }

  /** A worker has ended. */
  onExit(worker: number): void {
    this.tags.remove(worker);
    for (const socket of this.#underWay.get(worker) ?? []) socket.destroy();
    this.#underWay.delete(worker);
  }

  #pass(front: number, { id, tag, request }: WorkerMessage & { name: "pass" }, socket: Socket | undefined): void {
    const owner = this.tags.owner(tag);
    // Without a socket, the client was gone before it left the front.
    const isPassed =
      socket && owner !== undefined && this.#sendTo(owner, socket, { name: "take", id, tag, request, front });
    if (isPassed) return;
    socket?.destroy();
    this.#port.send(front, { name: "missed", id, front });
  }

  #sendTo(owner: number, socket: Socket, message: WorkerMessage & { name: "take" }): boolean {
    if (!quiet(socket)) return false;
    // Errors of a copy that is about to be closed are the owner's as well.
    socket.on("error", () => {});
    const sockets = this.#underWay.get(owner) ?? new Set();
    this.#underWay.set(owner, sockets.add(socket));
    return this.#port.send(owner, message, socket, (isSent) => {
      sockets.delete(socket);
      if (isSent) return;
      socket.destroy();
      this.#port.send(message.front, { name: "missed", id: message.id, front: message.front });
    });
  }
}

import { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * The connections of an HTTP server that have not said a word yet, such as the spare ones that browsers open.
 *
 * Once a server is closing, Node waits for them to end, and its time limits for requests are over: one of them would keep
 * the process alive for as long as its peer likes. Connections over TLS end with the time limit of their handshake.
 */
export class SilentConnections {
  readonly #silent = new Set<Socket>();
  readonly #forget: (this: Socket) => void;

  constructor(server: unknown) {
    const silent = this.#silent;
    this.#forget = function forget(): void {
      silent.delete(this);
    };
    if (!(server instanceof Server)) return;
    server.on("connection", (socket: Socket) => {
      silent.add(socket);
      socket.once("close", this.#forget);
    });
  }

  /** A request has come. */
  onRequest(socket: Socket): void {
    if (this.#silent.delete(socket)) socket.off("close", this.#forget);
  }

  get size(): number {
    return this.#silent.size;
  }

  /** Ends them all. */
  end(): void {
    // Those with a part of a request may belong to another who listens to the server.
    for (const socket of this.#silent) if (socket.bytesRead === 0) socket.destroy();
  }
}

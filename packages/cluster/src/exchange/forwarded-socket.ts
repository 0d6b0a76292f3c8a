import type { Socket } from "node:net";
import { Emitter } from "@portage/server/relay";
import type { RequestPeer } from "../core/heads.ts";

/** The exchange, as its socket sees it. */
export interface SocketUser {
  /** Bytes of the answer that have not left this node, and 1 for an answer whose arrival is not known. */
  readonly writableLength: number;
  /** The reader of the request has space for more. */
  onRead(): void;
  /** The program or the engine has destroyed the connection. */
  onDestroy(): void;
}

/**
 * Stands for the connection of a client to another node: `req.socket` and `res.socket` of a forwarded request. Node's own classes
 * read their state from it, so that they behave as on a connection.
 */
export class ForwardedSocket extends Emitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly encrypted: boolean;
  destroyed = false;
  errored: Error | null = null;
  readonly #user: SocketUser;

  constructor({ address, port, isEncrypted }: RequestPeer, user: SocketUser) {
    super();
    this.remoteAddress = address;
    this.remotePort = port;
    this.encrypted = isEncrypted;
    this.#user = user;
  }

  get remoteFamily(): "IPv4" | "IPv6" {
    return this.remoteAddress.includes(":") ? "IPv6" : "IPv4";
  }

  get readable(): boolean {
    return !this.destroyed;
  }

  get writable(): boolean {
    return !this.destroyed;
  }

  get closed(): boolean {
    return this.destroyed;
  }

  get writableLength(): number {
    return this.#user.writableLength;
  }

  /** Node calls it whenever the request has space for more of its body. */
  resume(): this {
    this.#user.onRead();
    return this;
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.close(error ?? null);
    this.#user.onDestroy();
    return this;
  }

  /** Marks the connection as closed. */
  close(error: Error | null): void {
    this.destroyed = true;
    this.errored = error;
  }

  /** Nothing is written here, see {@link ForwardedResponse}. */
  write(): boolean {
    return false;
  }

  end(): this {
    return this;
  }

  address(): Record<string, never> {
    return {};
  }

  // What a program may set on a connection has no effect on one of another node.
  pause(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  cork(): void {}
  uncork(): void {}
}

/** Returns a stand-in with the type that Node's classes ask for; they use the members above. */
export function asSocket(socket: object): Socket {
  return socket as Socket;
}

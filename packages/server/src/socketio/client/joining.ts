import { PacketType, SocketPacket } from "@portage/parser/socket";
import { runChain } from "../../base/guarded.ts";
import { runNextTick } from "../../base/turn.ts";
import type { Client } from "./client.ts";
import { onConnectRefused } from "./connect-refused.ts";
import { SocketIoError } from "../report/errors.ts";
import { fail } from "../events/listener-errors.ts";
import type { ExtendedError, Namespace } from "../namespace.ts";
import type { Session as StoredSession } from "../adapter/adapter.ts";
import { restore } from "../socket/recovery.ts";
import { Socket } from "../socket/socket.ts";
import { kAdmit, kLimits, kOnJoined, kOnLimit, kPort, kRelease } from "../keys.ts";

/**
 * A client's attempt to join a namespace: from its CONNECT packet to the answer.
 *
 * The namespace is looked up (a function may have to decide), the socket is made, the middlewares look at it. All of this
 * may take its time, and meanwhile the client may leave, ask again or be gone: then the attempt is over.
 */
export class Joining {
  readonly client: Client;
  /** The name of the namespace. */
  readonly name: string;
  #auth: Record<string, unknown>;
  #state: "waiting" | "running" | "over" = "waiting";
  #socket: Socket | undefined;
  #onJoined: ((socket: Socket) => void) | undefined;

  constructor(client: Client, name: string, auth: Record<string, unknown>) {
    this.client = client;
    this.name = name;
    this.#auth = auth;
  }

  /** Begins once the code that runs now is done: asking many times in one message costs no more than asking once. */
  start(): void {
    runNextTick(() => this.#run(), undefined);
  }

  /**
   * The client asks again before it got an answer.
   *
   * @returns whether this attempt can still answer the new question
   */
  askAgain(auth: Record<string, unknown>): boolean {
    if (this.#state !== "waiting") return false;
    this.#auth = auth;
    return true;
  }

  /** Looks the namespace up and goes on with it, or refuses. */
  #run(): void {
    if (this.isOver()) return;
    const { server } = this.client;
    const known = server._nsps.get(this.name);
    if (known !== undefined) return this.enter(known);
    server._checkNamespace(this.name, this.#auth, (nsp, why) => {
      if (this.isOver()) return nsp ? nsp[kRelease]() : undefined;
      if (nsp) return this.enter(nsp);
      this.#state = "over";
      this.client[kOnJoined](this, undefined);
      this.client._packet(this.#noNamespace(why));
    });
  }

  #noNamespace(why: "full" | undefined): SocketPacket {
    const { server, conn } = this.client;
    if (why === undefined) {
      onConnectRefused(server, { code: "UNKNOWN_NAMESPACE", namespace: this.name, message: "Invalid namespace", conn });
      return new SocketPacket(PacketType.CONNECT_ERROR, this.name, { message: "Invalid namespace" }, undefined);
    }
    const { maxDynamicNamespaces } = server[kLimits];
    server[kOnLimit](this.client[kPort], "TOO_MANY_DYNAMIC_NAMESPACES", maxDynamicNamespaces, maxDynamicNamespaces + 1);
    const error = new SocketIoError("TOO_MANY_DYNAMIC_NAMESPACES");
    onConnectRefused(server, { code: error.code, namespace: this.name, message: error.message, conn });
    return limitPacket(conn.protocol, this.name, error);
  }

  /** The client does not wait for an answer any more. */
  cancel(): void {
    this.#state = "over";
    this.#socket?._cleanup();
  }

  /** Whether nobody waits for the answer any more. */
  isOver(): boolean {
    return this.#state === "over" || this.client.conn.readyState !== "open";
  }

  /** Makes the socket and takes it through the middlewares. */
  enter(nsp: Namespace, onJoined?: (socket: Socket) => void): void {
    this.#state = "running";
    this.#onJoined = onJoined;
    const session = restore({ nsp, revision: this.client.conn.protocol }, this.#auth);
    if (session === undefined) this.#introduce(nsp);
    else void session.then((found) => this.#introduce(nsp, found));
  }

  #introduce(nsp: Namespace, found?: StoredSession | SocketIoError): void {
    try {
      const socket = new Socket(nsp, this.client, this.#auth, found);
      this.#socket = socket;
      this.#take(nsp, socket);
    } catch (error) {
      this.#onFailure(nsp, error);
    }
  }

  /** The adapter or the parser has thrown: the client can't be let in, and learns as much if that is possible. */
  #onFailure(nsp: Namespace, error: unknown): void {
    fail(nsp, error, { handler: "connecting", how: "thrown", namespace: nsp });
    this.#state = "over";
    this.client[kOnJoined](this, undefined);
    try {
      this.#socket?._cleanup();
      this.client._packet(refusalPacket(this.name, refusal(INTERNAL, this.client.conn.protocol)));
    } catch {
      this.client._disconnect();
    }
  }

  #take(nsp: Namespace, socket: Socket): void {
    if (this.isOver()) return socket._cleanup();
    nsp._preConnectSockets.set(socket.id, socket);
    const end = (err?: unknown): void => runNextTick(() => this.#finish(nsp, socket, err), undefined);
    // At once: what is sent between here and there would pass it by.
    if (socket.recovered && nsp.server.opts.connectionStateRecovery?.skipMiddlewares) return this.#finish(nsp, socket);
    runChain<[Socket]>({
      links: nsp._fns,
      subject: [socket],
      isOver: () => this.isOver(),
      onEnd: end,
      onFailure: (error, how) => fail(nsp, error, { handler: "namespace middleware", how, socket, namespace: nsp }),
      endOf: () => INTERNAL,
    });
  }

  #admit(nsp: Namespace, socket: Socket): void {
    nsp[kAdmit](socket, () => {
      this.client[kOnJoined](this, socket);
      this.#onJoined?.(socket);
    });
  }

  #report(socket: Socket, err: ExtendedError | string): void {
    const { server, conn } = this.client;
    const code = err === INTERNAL ? "MIDDLEWARE_FAILED" : "MIDDLEWARE_REFUSED";
    // programs refuse with whatever they have
    const { message }: { readonly message?: unknown } = typeof err === "string" ? { message: err } : err;
    onConnectRefused(server, { code, namespace: this.name, message: String(message), conn, socket });
  }

  #finish(nsp: Namespace, socket: Socket, err?: unknown): void {
    if (this.isOver()) return socket._cleanup();
    this.#state = "over";
    try {
      if (err === undefined) return this.#admit(nsp, socket);
      socket._cleanup();
      this.client[kOnJoined](this, undefined);
      this.#report(socket, err as ExtendedError | string);
      socket._error(refusal(err as ExtendedError | string, this.client.conn.protocol));
    } catch (error) {
      this.#onFailure(nsp, error);
    }
  }
}

/** The packet that tells a client that it may not join, and for which limit. */
export function limitPacket(revision: 3 | 4, name: string, { message, code }: SocketIoError): SocketPacket {
  const err = { message, data: { code } };
  return new SocketPacket(PacketType.CONNECT_ERROR, name, revision === 3 ? message : refusal(err, revision), undefined);
}

/** What went wrong in the program is not for the client to read. */
const INTERNAL = new SocketIoError("MIDDLEWARE_FAILED", "Internal server error");

function refusalPacket(nsp: string, data: unknown): SocketPacket {
  return new SocketPacket(PacketType.CONNECT_ERROR, nsp, data, undefined);
}

/** Protocol 4 sends a string or the data of the error, protocol 5 an object with both. */
function refusal(err: Pick<ExtendedError, "message" | "data"> | string, revision: 3 | 4): unknown {
  const { message, data } = typeof err === "string" ? { message: err, data: undefined } : err;
  return revision === 3 ? data || message : { message, data: data as unknown };
}

import { PacketType, SocketPacket } from "@portage/parser/socket";
import { runChain } from "../../base/guarded.ts";
import { runNextTick } from "../../base/turn.ts";
import type { Client } from "./client.ts";
import { reportConnectRefused } from "./connect-refused.ts";
import { SocketIoError } from "../report/errors.ts";
import { failHandler } from "../events/listener-errors.ts";
import type { ExtendedError, Namespace } from "../namespace.ts";
import type { PacketWriteOptions } from "../adapter/surface.ts";
import type { RestoredSession } from "../adapter/adapter.ts";
import { restore } from "../socket/recovery.ts";
import { MeasuredSocket } from "../socket/measured.ts";
import { Socket } from "../socket/socket.ts";
import { duringConnect } from "../tracing.ts";
import { kAdmit, kLimits, kRecordJoin, kReportLimit, kPort, kRelease, kTally, kYieldSession } from "../keys.ts";

/**
 * A client's attempt to join a namespace, from its CONNECT packet to the answer.
 *
 * Looks up the namespace (a function may decide), creates the socket, and runs the middlewares. Each step may be
 * asynchronous; the attempt is over when the client leaves, asks again or disconnects meanwhile.
 */
export class JoinAttempt {
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

  /** Starts in the next tick, so that repeated requests in one read cost no more than one. */
  start(): void {
    runNextTick(() => duringConnect(this.client, () => this.#run()), undefined);
  }

  /**
   * Takes over a repeated request that arrives before the answer.
   *
   * @returns false if this attempt has started already
   */
  askAgain(auth: Record<string, unknown>): boolean {
    if (this.#state !== "waiting") return false;
    this.#auth = auth;
    return true;
  }

  /** Looks up the namespace and enters it, or refuses the client. */
  #run(): void {
    if (this.isOver()) return;
    const { server } = this.client;
    const known = server._nsps.get(this.name);
    if (known !== undefined) return this.enter(known);
    server._checkNamespace(this.name, this.#auth, (nsp, why) => {
      if (this.isOver()) return nsp ? nsp[kRelease]() : undefined;
      if (nsp) return this.enter(nsp);
      this.#state = "over";
      this.client[kRecordJoin](this, undefined);
      this.client._packet(this.#noNamespace(why), why === undefined ? FINAL_REFUSAL : undefined);
    });
  }

  #noNamespace(why: "full" | undefined): SocketPacket {
    const { server, conn } = this.client;
    if (why === undefined) {
      reportConnectRefused(server, {
        code: "UNKNOWN_NAMESPACE",
        namespace: this.name,
        message: "Invalid namespace",
        conn,
      });
      return new SocketPacket(PacketType.CONNECT_ERROR, this.name, { message: "Invalid namespace" }, undefined);
    }
    const { maxDynamicNamespaces } = server[kLimits];
    server[kReportLimit](
      this.client[kPort],
      "TOO_MANY_DYNAMIC_NAMESPACES",
      maxDynamicNamespaces,
      maxDynamicNamespaces + 1,
    );
    const error = new SocketIoError("TOO_MANY_DYNAMIC_NAMESPACES");
    reportConnectRefused(server, { code: error.code, namespace: this.name, message: error.message, conn });
    return limitPacket(conn.protocol, this.name, error);
  }

  /** Ends the attempt, because the client has left or asked again. */
  cancel(): void {
    this.#state = "over";
    this.#socket?._cleanup();
  }

  /** Whether the attempt has ended. */
  isOver(): boolean {
    return this.#state === "over" || this.client.conn.readyState !== "open";
  }

  /** Creates the socket, resumed if possible, and runs the middlewares. */
  enter(nsp: Namespace, onJoined?: (socket: Socket) => void): void {
    this.#state = "running";
    this.#onJoined = onJoined;
    const session = restore({ nsp, revision: this.client.conn.protocol }, this.#auth);
    if (session === undefined) this.#introduce(nsp);
    else void session.then((found) => this.#introduce(nsp, found));
  }

  #introduce(nsp: Namespace, found?: RestoredSession | SocketIoError): void {
    try {
      const Kind = nsp.server[kTally].events === undefined ? Socket : MeasuredSocket;
      const socket: Socket = new Kind(nsp, this.client, this.#auth, found);
      this.#socket = socket;
      this.#take(nsp, socket);
    } catch (error) {
      this.#onFailure(nsp, error);
    }
  }

  /**
   * Refuses the client after an error of the adapter or the parser; disconnects it if even that fails. The connection of a
   * client whose session can't be resumed any more is cut: such a client comes back by itself, a refused one does not.
   */
  #onFailure(nsp: Namespace, error: unknown): void {
    failHandler(nsp, error, { handler: "connecting", how: "thrown", namespace: nsp });
    this.#state = "over";
    this.client[kRecordJoin](this, undefined);
    try {
      this.#socket?._cleanup();
      if (isTooLate(error)) return this.client[kYieldSession]();
      this.client._packet(refusalPacket(this.name, refusal(INTERNAL, this.client.conn.protocol)));
    } catch {
      this.client._disconnect();
    }
  }

  #take(nsp: Namespace, socket: Socket): void {
    if (this.isOver()) return socket._cleanup();
    nsp._preConnectSockets.set(socket.id, socket);
    const end = (err?: unknown): void => runNextTick(() => this.#finish(nsp, socket, err), undefined);
    // In the same turn, or the socket would miss events sent before the next one.
    if (socket.recovered && nsp.server.opts.connectionStateRecovery?.skipMiddlewares) return this.#finish(nsp, socket);
    runChain<[Socket]>({
      links: nsp._fns,
      subject: [socket],
      isOver: () => this.isOver(),
      onEnd: end,
      onFailure: (error, how) =>
        failHandler(nsp, error, { handler: "namespace middleware", how, socket, namespace: nsp }),
      endOf: () => INTERNAL,
    });
  }

  #admit(nsp: Namespace, socket: Socket): void {
    nsp[kAdmit](socket, () => {
      this.client[kRecordJoin](this, socket);
      this.#onJoined?.(socket);
    });
  }

  #report(socket: Socket, err: ExtendedError | string): void {
    const { server, conn } = this.client;
    const code = err === INTERNAL ? "MIDDLEWARE_FAILED" : "MIDDLEWARE_REFUSED";
    // Programs may refuse with any value.
    const { message }: { readonly message?: unknown } = typeof err === "string" ? { message: err } : err;
    reportConnectRefused(server, { code, namespace: this.name, message: String(message), conn, socket });
  }

  #finish(nsp: Namespace, socket: Socket, err?: unknown): void {
    if (this.isOver()) return socket._cleanup();
    this.#state = "over";
    try {
      if (err === undefined) return this.#admit(nsp, socket);
      socket._cleanup();
      this.client[kRecordJoin](this, undefined);
      this.#report(socket, err as ExtendedError | string);
      socket._error(refusal(err as ExtendedError | string, this.client.conn.protocol));
    } catch (error) {
      this.#onFailure(nsp, error);
    }
  }
}

/** Whether the missed events of a session were lost after it was found. */
function isTooLate(error: unknown): boolean {
  return error instanceof SocketIoError && error.code === "RECOVERY_FAILED";
}

/** Creates the packet that refuses a client because of a limit. */
export function limitPacket(revision: 3 | 4, name: string, { message, code }: SocketIoError): SocketPacket {
  const err = { message, data: { code } };
  return new SocketPacket(PacketType.CONNECT_ERROR, name, revision === 3 ? message : refusal(err, revision), undefined);
}

/** The options of a refusal that will be the same later. */
const FINAL_REFUSAL: PacketWriteOptions = { isFinal: true };

/** The refusal after a failure of the program, without its details. */
const INTERNAL = new SocketIoError("MIDDLEWARE_FAILED", "Internal server error");

function refusalPacket(nsp: string, data: unknown): SocketPacket {
  return new SocketPacket(PacketType.CONNECT_ERROR, nsp, data, undefined);
}

/** Returns the data of a refusal: a string or the error's data in protocol 4, an object with both in protocol 5. */
function refusal(err: Pick<ExtendedError, "message" | "data"> | string, revision: 3 | 4): unknown {
  const { message, data } = typeof err === "string" ? { message: err, data: undefined } : err;
  return revision === 3 ? data || message : { message, data: data as unknown };
}

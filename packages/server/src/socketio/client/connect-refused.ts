import { kEngineClock, type Session } from "../../engine/index.ts";
import { Notices, quote } from "../../base/notices.ts";
import { createLog } from "../../base/log.ts";
import { SOCKETIO_ERRORS, type SocketIoErrorCode } from "../report/errors.ts";
import { LAYER_CHANNELS } from "../report/channels.ts";
import { kTally } from "../keys.ts";
import type { AnyServer } from "../server.ts";
import type { AnyServerSocket } from "../socket/socket.ts";

/**
 * A refused join of a namespace; argument of `connect_refused` listeners of a server.
 *
 * @example
 * io.on("connect_refused", ({ code, namespace, message }) => console.log(code, namespace, message));
 */
export interface ConnectRefused {
  /** The reason, a code of the Socket.IO layer in docs/errors.md. */
  readonly code: SocketIoErrorCode;
  /** The name of the namespace, as the client sent it. */
  readonly namespace: string;
  /** The message that the client gets. */
  readonly message: string;
  /** The session of the client. */
  readonly conn: Session;
  /** The socket that a middleware refused; undefined if the join failed earlier. */
  readonly socket?: AnyServerSocket | undefined;
}

const log = createLog("socket.io:namespace");

const notices = new WeakMap<AnyServer, Notices>();

/** Counts a refused join, emits it, and logs it at intervals. */
export function reportConnectRefused(server: AnyServer, refused: ConnectRefused): void {
  const { code, namespace, message } = refused;
  server[kTally].countConnectRefused(code);
  if (LAYER_CHANNELS.refused.hasSubscribers) LAYER_CHANNELS.refused.publish({ server, ...refused });
  if (!notices.has(server)) notices.set(server, new Notices(server[kEngineClock]));
  if (log.enabled) log("a client of session %s was refused by %s: %s (%s)", refused.conn.id, namespace, message, code);
  const why = code === "MIDDLEWARE_REFUSED" ? quote(message) : SOCKETIO_ERRORS[code].message;
  notices.get(server)!.say(code, `A client was not let into the namespace ${quote(namespace)}: ${why}.`);
  server.sockets.emitReserved("connect_refused", refused);
}

import { kEngineClock, type Session } from "../../engine/index.ts";
import { Notices, quote } from "../../base/notices.ts";
import { createLog } from "../../base/log.ts";
import { SOCKETIO_ERRORS, type SocketIoErrorCode } from "../report/errors.ts";
import { kTally } from "../keys.ts";
import type { AnyServer } from "../server.ts";
import type { AnySocket } from "../socket/socket.ts";

/**
 * A client was not let into a namespace, as `connect_refused` listeners of a server get it.
 *
 * @example
 * io.on("connect_refused", ({ code, namespace, message }) => console.log(code, namespace, message));
 */
export interface ConnectRefused {
  /** Why: a code of the table of the Socket.IO layer, see docs/errors.md. */
  readonly code: SocketIoErrorCode;
  /** The name of the namespace, as the client has written it. */
  readonly namespace: string;
  /** The message that the client gets. */
  readonly message: string;
  /** The connection that it asked on. */
  readonly conn: Session;
  /** The socket that was about to be, where a middleware has refused it. */
  readonly socket?: AnySocket | undefined;
}

const log = createLog("socket.io:namespace");

const notices = new WeakMap<AnyServer, Notices>();

/** Counts it, reports it to listeners, and says it in the log now and then. */
export function onConnectRefused(server: AnyServer, refused: ConnectRefused): void {
  const { code, namespace, message } = refused;
  server[kTally].onConnectRefused(code);
  if (!notices.has(server)) notices.set(server, new Notices(server[kEngineClock]));
  if (log.enabled) log("a client of session %s was refused by %s: %s (%s)", refused.conn.id, namespace, message, code);
  const why = code === "MIDDLEWARE_REFUSED" ? quote(message) : SOCKETIO_ERRORS[code];
  notices.get(server)!.say(code, `A client was not let into the namespace ${quote(namespace)}: ${why}.`);
  server.sockets.emitReserved("connect_refused", refused);
}

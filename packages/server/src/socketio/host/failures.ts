import type { EventEmitter } from "node:events";
import { type HandlerFailure, reportFailure } from "../../base/handler-errors.ts";
import { kTally } from "../keys.ts";
import { LAYER_CHANNELS } from "../report/channels.ts";
import { SocketIoError } from "../report/errors.ts";
import { CLUSTER_CODES, type ServerTally } from "./server-tally.ts";

/** A server, as failures of the program are reported to it. */
interface FailingServer {
  readonly sockets: EventEmitter;
  readonly [kTally]: ServerTally;
}

/** Counts, publishes and emits the failure of a function of the program. */
export function reportServerFailure(server: FailingServer, error: unknown, context: HandlerFailure): void {
  server[kTally].countHandlerError(context.handler, error);
  const { cluster, handlerError } = LAYER_CHANNELS;
  if (error instanceof SocketIoError && CLUSTER_CODES.has(error.code)) {
    if (cluster.hasSubscribers) cluster.publish({ server, code: error.code, error });
  } else if (handlerError.hasSubscribers) {
    handlerError.publish({ server, error, context });
  }
  reportFailure(server.sockets, error, context);
}

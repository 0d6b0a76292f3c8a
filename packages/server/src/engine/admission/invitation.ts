import type { IncomingMessage } from "node:http";
import { prepareRequest } from "../http/request.ts";

/** Requests that the program itself passes to a transport. */
const invited = new WeakSet<IncomingMessage>();

/** Parameters of Engine.IO that a page may use for something else on a route of the program. */
const FOREIGN_PARAMETERS = ["sid", "carry", "b64", "EIO", "j"] as const;

/**
 * Makes a request on a route of the program the handshake of a transport, whatever its query and the option `transports` say.
 * Pass it to `engine.handleRequest()` then.
 */
export function invite(request: IncomingMessage, transport: string): void {
  const { _query: query } = prepareRequest(request);
  for (const name of FOREIGN_PARAMETERS) delete query[name];
  query["transport"] = transport;
  invited.add(request);
}

/** Whether the option `transports` does not matter for a request. */
export const isInvited = (request: IncomingMessage): boolean => invited.has(request);

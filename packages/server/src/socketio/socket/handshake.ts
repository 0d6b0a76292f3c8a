import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { kPeekRequest, type Session } from "../../engine/index.ts";
import type { SessionPort } from "../client/session-port.ts";
import { kPort } from "../keys.ts";
import type { Untyped } from "../events/typed-events.ts";

/** The parameters of a query string. */
export type Query = Record<string, string | string[] | undefined>;

/** What is known about the request that opened the connection. Plain data: it can be sent as JSON. */
export interface Handshake {
  /** The headers of the request. */
  headers: IncomingHttpHeaders;
  /** When the socket was made, as text. */
  time: string;
  /** The address of the peer. */
  address: string;
  /** Whether the request came from a page of another origin. */
  xdomain: boolean;
  /** Whether the connection is encrypted. */
  secure: boolean;
  /** When the socket was made, in milliseconds since 1970. */
  issued: number;
  /** The URL of the request. */
  url: string;
  /** The query of the URL. */
  query: Query;
  /** What the client sent along with its wish to join: any JSON. */
  auth: { [key: string]: Untyped };
}

interface EngineRequest extends IncomingMessage {
  _query?: Query;
}

/** A connection, as far as its handshake goes. */
interface Connected {
  readonly conn: Session;
  readonly request: IncomingMessage;
  readonly [kPort]: SessionPort;
}

/** @param issued when the socket was made, in milliseconds since 1970 */
export function buildHandshake(client: Connected, issued: number, auth: Record<string, unknown>): Handshake {
  const { conn, [kPort]: port } = client;
  // Null when the program has dropped it to save memory.
  const request: IncomingMessage | null = port[kPeekRequest] === undefined ? client.request : port[kPeekRequest]();
  const { headers = {}, url = "", socket, _query: query = {} } = (request ?? {}) as Partial<EngineRequest>;
  return {
    headers,
    time: String(new Date(issued)),
    address: conn.remoteAddress,
    xdomain: !!headers.origin,
    secure: !socket || !!("encrypted" in socket && socket.encrypted),
    issued,
    url,
    query,
    auth,
  };
}

/** With Socket.IO 2, the ids of a client's sockets come from the id of its session. */
export function idInProtocol4(nsp: string, session: string): string {
  return nsp === "/" ? session : `${nsp}#${session}`;
}

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { kPeekRequest, type Session } from "../../engine/index.ts";
import type { SessionPort } from "../client/session-port.ts";
import { kPort } from "../keys.ts";
import type { Untyped } from "../events/typed-events.ts";

/** The parameters of a query string. */
export type Query = Record<string, string | string[] | undefined>;

/** The details of the request that opened the connection, and the client's credentials. Plain data that JSON can carry. */
export interface Handshake {
  /** The headers of the request. */
  headers: IncomingHttpHeaders;
  /** The creation time of the socket, as a string. */
  time: string;
  /** The IP address of the client, or of the proxy before the server. */
  address: string;
  /** Whether the request has an `Origin` header, as browsers send across origins. */
  xdomain: boolean;
  /** Whether the connection is encrypted. */
  secure: boolean;
  /** The creation time of the socket, in milliseconds since 1970. */
  issued: number;
  /** The URL of the request. */
  url: string;
  /** The query of the URL. */
  query: Query;
  /** The credentials that the client sent to join the namespace: any JSON object. */
  auth: { [key: string]: Untyped };
}

interface EngineRequest extends IncomingMessage {
  _query?: Query;
}

/** The members of a client that a handshake is made of. */
interface HandshakeSource {
  readonly conn: Session;
  readonly request: IncomingMessage;
  readonly [kPort]: SessionPort;
}

/** @param issued the creation time of the socket, in milliseconds since 1970 */
export function buildHandshake(client: HandshakeSource, issued: number, auth: Record<string, unknown>): Handshake {
  const { conn, [kPort]: port } = client;
  // Null when the program has deleted it to save memory.
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

/** Returns the id of a socket in Socket.IO 2, which derives it from the id of the session. */
export function idInProtocol4(nsp: string, session: string): string {
  return nsp === "/" ? session : `${nsp}#${session}`;
}

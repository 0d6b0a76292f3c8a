import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Untyped } from "./typed-events.ts";

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
  /** What the client sent along with its wish to join. */
  auth: { [key: string]: Untyped };
}

interface EngineRequest extends IncomingMessage {
  _query?: Query;
}

/** What a handshake is made of, apart from the request. */
export interface HandshakeSource {
  /** Null when the program has dropped it to save memory. */
  readonly request: IncomingMessage | null;
  readonly address: string;
  readonly issued: number;
  readonly auth: Record<string, unknown>;
}

export function buildHandshake({ request, address, issued, auth }: HandshakeSource): Handshake {
  const { headers = {}, url = "", socket, _query: query = {} } = (request ?? {}) as Partial<EngineRequest>;
  return {
    headers,
    time: String(new Date(issued)),
    address,
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

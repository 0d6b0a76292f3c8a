import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { prepareRequest, type TransportRequest } from "./request.ts";

/** The members that Node gives a request (`parser` only where it is to be upgraded), and the engine's `_query`. */
const KNOWN_MEMBERS = new Set([...Reflect.ownKeys(new IncomingMessage(new Socket())), "parser", "_query", "res"]);
/** What one of HTTP/2 has besides: symbols of these names, and a count, because Node listens to it. */
const HTTP2_SYMBOLS = new Set(["aborted", "headers", "rawHeaders", "rawTrailers", "state", "stream", "trailers"]);

/** The first line of a request that has an answer. */
const ANSWERED = "+";

function isRemadeKey(key: string | symbol, { httpVersionMajor }: IncomingMessage): boolean {
  if (KNOWN_MEMBERS.has(key)) return true;
  if (httpVersionMajor !== 2) return false;
  return typeof key === "symbol" ? HTTP2_SYMBOLS.has(key.description ?? "") : key === "_eventsCount";
}

/**
 * The request that opened a session while nobody looks at it: one string in place of some thirty objects, a third of what
 * an idle connection would take. It can be had again, with everything that HTTP said.
 */
export class ParkedRequest {
  /**
   * Whether there is an answer, HTTP version, URL, then names and values of the headers, a line each: none of them can hold the
   * end of a line.
   */
  readonly #lines: string;
  readonly #socket: Socket;

  private constructor(req: IncomingMessage) {
    const answered = "res" in req ? ANSWERED : "";
    this.#lines = [answered, req.httpVersion, req.url ?? "", ...headersIn(req)].join("\n");
    this.#socket = req.socket;
  }

  /**
   * Parks a handshake's request; undefined when it must live on: somebody has added to it (a user, say), or a header comes
   * twice, for which HTTP servers have rules and options.
   */
  static of(req: TransportRequest): ParkedRequest | undefined {
    if (req.rawHeaders === undefined) return undefined;
    if (Object.keys(req.headers).length * 2 !== headersIn(req).length) return undefined;
    for (const key of Reflect.ownKeys(req)) if (!isRemadeKey(key, req)) return undefined;
    return new ParkedRequest(req);
  }

  /** Makes a request like the one that was parked. */
  restore(): TransportRequest {
    const [answered = "", version = "", url = "", ...rawHeaders] = this.#lines.split("\n");
    const req = new IncomingMessage(this.#socket);
    const [major, minor] = version.split(".");
    req.httpVersion = version;
    req.httpVersionMajor = Number(major);
    req.httpVersionMinor = Number(minor);
    req.method = "GET";
    req.url = url;
    req.rawHeaders = rawHeaders;
    for (let i = 0; i < rawHeaders.length; i += 2) addHeader(req, rawHeaders[i]!, rawHeaders[i + 1]!);
    // A handshake has no body.
    req.complete = true;
    if (answered) withAnswer(req, new ServerResponse(req));
    return prepareRequest(req);
  }
}

/**
 * Lets the request of a session that began by an HTTP request have its answer, as programs know it from engine.io. They hand
 * both to middlewares of Express: `io.use((socket, next) => session(socket.request, socket.request.res, next))`.
 */
export function withAnswer(req: IncomingMessage, res: ServerResponse): void {
  Object.assign(req, { res });
}

/** Names and values in turn. Those of HTTP/2 have `host` besides, which the engine has added. */
function headersIn({ httpVersionMajor, headers, rawHeaders }: IncomingMessage): readonly string[] {
  const { host } = headers;
  if (httpVersionMajor !== 2 || host === undefined || rawHeaders.includes("host")) return rawHeaders;
  return [...rawHeaders, "host", host];
}

function addHeader({ headers, headersDistinct }: IncomingMessage, rawName: string, value: string): void {
  const name = rawName.toLowerCase();
  headersDistinct[name] = [value];
  if (name === "set-cookie") headers[name] = [value];
  else headers[name] = value;
}

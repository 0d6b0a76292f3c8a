import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { ParkedSocket } from "./parked-socket.ts";
import { prepareRequest, type TransportRequest } from "./request.ts";

/** Members that Node sets on a request (`parser` only on upgrades), and the engine's `_query`. */
const KNOWN_MEMBERS = new Set([...Reflect.ownKeys(new IncomingMessage(new Socket())), "parser", "_query", "res"]);
/** Additional members of HTTP/2 requests: symbols with these names, and `_eventsCount`. */
const HTTP2_SYMBOLS = new Set(["aborted", "headers", "rawHeaders", "rawTrailers", "state", "stream", "trailers"]);

/** The first line of a request with a response. */
const ANSWERED = "+";

function isRemadeKey(key: string | symbol, { httpVersionMajor }: IncomingMessage): boolean {
  if (KNOWN_MEMBERS.has(key)) return true;
  if (httpVersionMajor !== 2) return false;
  return typeof key === "symbol" ? HTTP2_SYMBOLS.has(key.description ?? "") : key === "_eventsCount";
}

/**
 * A session's handshake request, stored as one string while the program does not use it. Saves about thirty objects, a third
 * of an idle connection's memory. `restore()` returns an equal request.
 */
export class ParkedRequest {
  /**
   * One per line: whether there is a response, HTTP version and method, URL, then header names and values. None of these can contain a
   * line break.
   */
  readonly #lines: string;
  readonly #socket: Socket | ParkedSocket;

  private constructor(req: IncomingMessage) {
    const answered = "res" in req ? ANSWERED : "";
    // A WebSocket over HTTP/2 begins with CONNECT; all other handshakes are GETs.
    const version = req.method === "CONNECT" ? `${req.httpVersion} CONNECT` : req.httpVersion;
    this.#lines = [answered, version, req.url ?? "", ...headersIn(req)].join("\n");
    // The connection of a WebSocket has the life of its session.
    this.#socket = answered ? ParkedSocket.of(req.socket) : req.socket;
  }

  /**
   * Parks a handshake's request. Returns undefined if it can't be restored: the program has added members (a user, say), or
   * a header is repeated, which Node's options treat differently.
   */
  static of(req: TransportRequest): ParkedRequest | undefined {
    return isPlain(req) ? new ParkedRequest(req) : undefined;
  }

  /** Creates a request equal to the parked one. */
  restore(): TransportRequest {
    const [answered = "", protocol = "", url = "", ...rawHeaders] = this.#lines.split("\n");
    const [version = "", method = "GET"] = protocol.split(" ");
    const socket = this.#socket;
    const req = new IncomingMessage(socket instanceof ParkedSocket ? socket.restore() : socket);
    const [major, minor] = version.split(".");
    req.httpVersion = version;
    req.httpVersionMajor = Number(major);
    req.httpVersionMinor = Number(minor);
    req.method = method;
    req.url = url;
    req.rawHeaders = rawHeaders;
    for (let i = 0; i < rawHeaders.length; i += 2) addHeader(req, rawHeaders[i]!, rawHeaders[i + 1]!);
    // A handshake has no body.
    req.complete = true;
    if (answered) withAnswer(req, new ServerResponse(req));
    return prepareRequest(req);
  }
}

/** Whether a request is as Node made it, without members of the program and repeated headers. */
function isPlain(req: TransportRequest): boolean {
  if (req.rawHeaders === undefined) return false;
  if (Object.keys(req.headers).length * 2 !== headersIn(req).length) return false;
  return Reflect.ownKeys(req).every((key) => isRemadeKey(key, req));
}

/** Drops the parsed headers of a request that its open answer holds anyway. Node parses them again when they are read. */
export function dropParsedHeaders(req: TransportRequest): void {
  if (req.httpVersionMajor === 1 && isPlain(req)) Object.assign(req, { headers: undefined });
}

/**
 * Sets `req.res`, as engine.io does for HTTP handshakes. Programs pass both to Express middlewares:
 * `io.use((socket, next) => session(socket.request, socket.request.res, next))`.
 */
export function withAnswer(req: IncomingMessage, res: ServerResponse): void {
  Object.assign(req, { res });
}

/** Returns header names and values in turn, including the `host` that the engine adds to HTTP/2 requests. */
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

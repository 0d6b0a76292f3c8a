import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { prepareRequest } from "./admission.ts";
import type { TransportRequest } from "./transport.ts";

/** The members that Node gives a request (`parser` only where it is to be upgraded), and the engine's `_query`. */
const KNOWN_MEMBERS = new Set([...Reflect.ownKeys(new IncomingMessage(undefined as never)), "parser", "_query"]);

/**
 * The request that opened a session while nobody looks at it: one string in place of some thirty objects, a third of what
 * an idle connection would take. It can be had again, with everything that HTTP said.
 */
export class ParkedRequest {
  /** HTTP version, URL, then names and values of the headers, a line each: none of them can hold the end of a line. */
  readonly #lines: string;
  readonly #socket: Socket;

  private constructor(req: IncomingMessage) {
    this.#lines = [req.httpVersion, req.url ?? "", ...req.rawHeaders].join("\n");
    this.#socket = req.socket;
  }

  /**
   * Parks a handshake's request; undefined when it must live on: somebody has added to it (a user, say), or a header comes
   * twice, for which HTTP servers have rules and options.
   */
  static of(req: TransportRequest): ParkedRequest | undefined {
    if (Object.keys(req.headers).length * 2 !== req.rawHeaders.length) return undefined;
    for (const key of Reflect.ownKeys(req)) if (!KNOWN_MEMBERS.has(key)) return undefined;
    return new ParkedRequest(req);
  }

  /** Makes a request like the one that was parked. */
  restore(): TransportRequest {
    const [version = "", url = "", ...rawHeaders] = this.#lines.split("\n");
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
    return prepareRequest(req);
  }
}

function addHeader({ headers, headersDistinct }: IncomingMessage, rawName: string, value: string): void {
  const name = rawName.toLowerCase();
  headersDistinct[name] = [value];
  if (name === "set-cookie") headers[name] = [value];
  else headers[name] = value;
}

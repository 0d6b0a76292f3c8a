import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AnswerHead } from "../core/heads.ts";

/** What the front adds to an answer. */
export interface AnswerExtras {
  readonly headers: Record<string, unknown>;
  /** The length of the body, if it is known. */
  readonly length: number | undefined;
}

/** Headers of HTTP/1.1 that RFC 9113, 8.2.2 forbids. The others of this kind do not leave the owner. */
const NOT_OF_HTTP2 = new Set(["upgrade", "proxy-connection", "http2-settings", "te"]);

const BODILESS = new Set([204, 304]);

/** Writes the head of an owner's answer. Throws if Node, or its HTTP/2, does not take a header or the status. */
export function writeAnswerHead(res: ServerResponse, head: AnswerHead, { headers, length }: AnswerExtras): void {
  const isHttp2 = res.req.httpVersionMajor === 2;
  const own = answerHeaders(head.headers, isHttp2 ? NOT_OF_HTTP2 : undefined);
  const cookies = res.getHeader("set-cookie");
  const cookieName = cookies === undefined ? undefined : nameIn(own, "set-cookie");
  // Node would replace what a middleware of this node has set.
  if (cookieName !== undefined) own[cookieName] = [cookies, own[cookieName]].flat() as string[];
  if (length !== undefined && !BODILESS.has(head.status) && nameIn(own, "content-length") === undefined)
    own["Content-Length"] = length;
  Object.assign(own, headers);
  if (isHttp2) res.writeHead(head.status, own);
  else res.writeHead(head.status, head.message, own);
}

function answerHeaders(lines: readonly string[], without: ReadonlySet<string> | undefined): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    if (without?.has(name.toLowerCase()) === true) continue;
    const earlier = headers[name];
    headers[name] = earlier === undefined ? lines[i + 1]! : [earlier, lines[i + 1]!].flat();
  }
  return headers;
}

function nameIn(headers: OutgoingHttpHeaders, lowerCase: string): string | undefined {
  for (const name in headers) if (name.toLowerCase() === lowerCase) return name;
  return undefined;
}

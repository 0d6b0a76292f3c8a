import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AnswerHead } from "../core/heads.ts";

/** What the front adds to an answer. */
export interface AnswerExtras {
  readonly headers: Record<string, unknown>;
  /** The length of the body, if it is known. */
  readonly length: number | undefined;
}

const BODILESS = new Set([204, 304]);

/** Writes the head of an owner's answer. Throws if a header is invalid. */
export function writeAnswerHead(res: ServerResponse, head: AnswerHead, { headers, length }: AnswerExtras): void {
  const own = answerHeaders(head.headers);
  const cookies = res.getHeader("set-cookie");
  const cookieName = cookies === undefined ? undefined : nameIn(own, "set-cookie");
  // Node would replace what a middleware of this node has set.
  if (cookieName !== undefined) own[cookieName] = [cookies, own[cookieName]].flat() as string[];
  if (length !== undefined && !BODILESS.has(head.status) && nameIn(own, "content-length") === undefined)
    own["Content-Length"] = length;
  Object.assign(own, headers);
  if (res.req.httpVersionMajor === 2) res.writeHead(head.status, own);
  else res.writeHead(head.status, head.message, own);
}

function answerHeaders(lines: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    const earlier = headers[name];
    headers[name] = earlier === undefined ? lines[i + 1]! : [earlier, lines[i + 1]!].flat();
  }
  return headers;
}

function nameIn(headers: OutgoingHttpHeaders, lowerCase: string): string | undefined {
  for (const name in headers) if (name.toLowerCase() === lowerCase) return name;
  return undefined;
}

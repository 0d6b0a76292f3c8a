import { type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import type { TestNode } from "./engine-nodes.ts";

export interface RawAnswer {
  readonly status: number;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface RawRequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** Leaves the request open, for `req.write()`. */
  readonly isOpen?: boolean;
}

/** One request to a node, over a connection of its own. */
export interface RawRequest {
  readonly req: ClientRequest;
  /** Rejects if the connection breaks. */
  readonly answer: Promise<RawAnswer>;
}

/** Sends a request to the engine of a node. */
export function send(node: TestNode, query: string, options: RawRequestOptions = {}): RawRequest {
  const { method = options.body === undefined && !options.isOpen ? "GET" : "POST", headers = {} } = options;
  const req = request({
    port: node.port,
    host: "127.0.0.1",
    path: `/socket.io/?${query}`,
    method,
    headers,
    agent: false,
  });
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    req.on("error", reject);
    req.on("response", (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => {
        const body = Buffer.concat(chunks);
        const { statusCode: status = 0, statusMessage: message = "", headers } = res;
        resolve({ status, message, headers, body, text: body.toString() });
      });
    });
  });
  answer.catch(() => undefined);
  if (!options.isOpen) req.end(options.body);
  return { req, answer };
}

/** The query of a poll or POST of a session. */
export const query = (sid: string): string => `EIO=4&transport=polling&sid=${sid}`;

/** Opens a session at a node. */
export async function openSession(node: TestNode): Promise<string> {
  const { text } = await send(node, "EIO=4&transport=polling").answer;
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Context } from "./context.ts";

/** An HTTP response, or the failure to get one. */
export interface Reply {
  /** 0 without a response. */
  readonly status: number;
  /** Why the response is missing or incomplete: a code of Node such as `ECONNRESET`, or `timeout`. */
  readonly failure: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Milliseconds until the headers of the response. */
  readonly headAfter: number;
  /** Milliseconds until the end of the response. */
  readonly endAfter: number;
}

export interface RequestOptions {
  readonly url: URL;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The time limit in milliseconds. Default: the option `timeout`. */
  readonly timeout?: number;
  /** Called as the body arrives, with its bytes so far. */
  readonly onBody?: (length: number) => void;
}

/** Most bytes of a response that are stored, since other servers may send long pages. */
const BODY_LIMIT = 2_000_000;

/** The failure of a body that does not have the announced encoding. */
const UNDECODABLE = "content-encoding";

/** Sends one request on its own connection. Never rejects: a failure is a reply as well. */
export function sendRequest(context: Context, call: RequestOptions): Promise<Reply> {
  const { clock } = context;
  const started = clock.now();
  const since = (): number => Math.round(clock.now() - started);
  return new Promise((resolve) => {
    const request = begin(context, call);
    const timer = clock.after(call.timeout ?? context.timeout, () => settle({ failure: "timeout" }));
    let answer: IncomingMessage | undefined;
    let headAfter = 0;
    const settle = (result: { failure?: string; text?: string }): void => {
      timer.cancel();
      request.destroy();
      const { statusCode = 0, headers = {} } = answer ?? {};
      const { failure, text = "" } = result;
      resolve({ status: statusCode, failure, headers, text, headAfter, endAfter: since() });
    };
    request.on("error", (error: NodeJS.ErrnoException) => settle({ failure: error.code ?? error.message }));
    request.on("response", (response: IncomingMessage) => {
      answer = response;
      headAfter = since();
      readBody(response, call.onBody).then(settle, () => settle({ failure: "the answer broke off" }));
    });
    request.end(call.body);
  });
}

function begin(
  context: Context,
  { url, method = "GET", body, headers }: RequestOptions,
): ReturnType<typeof httpRequest> {
  const all: Record<string, string> = { ...context.headers, ...headers };
  if (context.cookie !== undefined) all["Cookie"] = context.cookie;
  if (context.origin !== undefined) all["Origin"] = context.origin;
  if (body !== undefined) all["Content-Length"] = String(Buffer.byteLength(body));
  // The certificate has its own step; the others must also run with an untrusted one.
  const options = { method, headers: all, agent: false, rejectUnauthorized: false } as const;
  return url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
}

async function readBody(
  response: IncomingMessage,
  onBody?: (length: number) => void,
): Promise<{ text: string; failure?: string }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    onBody?.(length);
    if (length <= BODY_LIMIT) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  try {
    return { text: decodeBody(body, response.headers["content-encoding"]).toString() };
  } catch {
    return { text: body.toString("latin1"), failure: UNDECODABLE };
  }
}

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

function decodeBody(body: Buffer, encoding: string | undefined): Buffer {
  const decoder = encoding === undefined ? undefined : DECODERS[encoding];
  return decoder === undefined || body.length === 0 ? body : decoder(body);
}

/** Whether a body does not have the announced encoding. */
export const isUndecodable = (reply: Reply): boolean => reply.failure === UNDECODABLE;

/** Returns the facts of a response that sentences use. */
export function factsOf(reply: Reply): Record<string, string | number> {
  const server = reply.headers["server"] ?? reply.headers.via;
  return {
    status: reply.failure ?? reply.status,
    failure: reply.failure ?? `status ${reply.status}`,
    type: reply.headers["content-type"] ?? "no content type",
    server: server === undefined ? "" : ` (${String(server)})`,
    text: excerpt(reply.text),
    ms: reply.endAfter,
  };
}

/** Returns the first words of a response on one line, without HTML tags. */
export function excerpt(text: string): string {
  const words = text.replaceAll(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/gi, " ").replaceAll(/\s+/g, " ");
  const line = words.trim();
  if (line === "") return "an empty answer";
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}

/** Returns the code of an Engine.IO refusal (`{ code, message }`); undefined for other responses. */
export function refusalCode(reply: Reply): number | undefined {
  try {
    const parsed = JSON.parse(reply.text) as { code?: unknown } | null;
    return typeof parsed?.code === "number" ? parsed.code : undefined;
  } catch {
    return undefined;
  }
}

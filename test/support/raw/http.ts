import { request, type IncomingHttpHeaders } from "node:http";
import { gunzipSync, inflateSync } from "node:zlib";
import { within } from "../waiting.ts";

/** An HTTP answer as it came, and its body after Content-Encoding. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface HttpCall {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  /** The body; several pieces are sent chunked. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
}

/** A request under way. */
export interface PendingCall {
  readonly reply: Promise<HttpReply>;
  /** Drops the connection before the answer. */
  abort(): void;
}

/** Numbers the requests, so that a server in the same process can recognise their arrival (see `host.ts`). */
export const ORDER_HEADER = "x-test-order";
let order = 0;
const arrivals = new Map<string, () => void>();

/** For the host: reports a request that its server has begun to handle. */
export function noteArrival(id: string | undefined): void {
  if (id === undefined) return;
  arrivals.get(id)?.();
  arrivals.delete(id);
}

const DECODERS: Record<string, (body: Buffer) => Buffer> = { gzip: gunzipSync, deflate: inflateSync };

function decode(body: Buffer, encoding: string | undefined): Buffer {
  const decoder = encoding === undefined ? undefined : DECODERS[encoding];
  return decoder && body.length > 0 ? decoder(body) : body;
}

/** Sends one request on a separate connection. */
export function startCall(call: HttpCall): PendingCall & { readonly arrived: Promise<void> } {
  const id = String(++order);
  const { method = "GET", body } = call;
  const pieces = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? undefined : body;
  const headers: Record<string, string | string[]> = { [ORDER_HEADER]: id, ...call.headers };
  if (pieces === undefined && body !== undefined) headers["content-length"] = String(Buffer.byteLength(body as string));
  const req = request({ host: "127.0.0.1", port: call.port, path: call.path, method, headers, agent: false });
  const arrived = new Promise<void>((resolve) => {
    arrivals.set(id, () => setImmediate(resolve));
  });
  const reply = new Promise<HttpReply>((resolve, reject) => {
    req.once("error", reject);
    req.once("response", (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.once("error", reject);
      res.once("end", () => {
        const raw = decode(Buffer.concat(chunks), res.headers["content-encoding"]);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: raw, text: raw.toString() });
      });
    });
  });
  for (const piece of pieces ?? []) req.write(piece);
  req.end(pieces ? undefined : (body as string | Buffer | undefined));
  const what = `${method} ${call.path}`;
  const pending = {
    arrived: within(arrived, `the server to see ${what}`),
    reply: within(reply, `the answer to ${what}`),
    abort: () => req.destroy(),
  };
  // A test may use only one of the two.
  pending.arrived.catch(() => undefined);
  pending.reply.catch(() => undefined);
  return pending;
}

/** Sends one request and waits for its answer. */
export function call(options: HttpCall): Promise<HttpReply> {
  return startCall(options).reply;
}

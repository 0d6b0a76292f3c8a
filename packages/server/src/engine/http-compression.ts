import { deflate, deflateSync, gzip, gzipSync, type ZlibOptions } from "node:zlib";

/** Options of {@link EngineOptions.httpCompression}: those of zlib and a threshold. */
export interface HttpCompression extends ZlibOptions {
  /** Bodies below this many bytes are sent as they are. Default 1024. */
  threshold: number;
}

type Encoding = "gzip" | "deflate";
type Done = (encoding: Encoding | undefined, body: string | Buffer) => void;

/** Up to this size compressing at once costs less than handing it to the thread pool. */
const SYNC_LIMIT = 16 * 1024;

const ENCODERS = {
  gzip: { now: gzipSync, later: gzip },
  deflate: { now: deflateSync, later: deflate },
} as const;

/** The best encoding that an `Accept-Encoding` header allows; undefined when there is none. */
export function chooseEncoding(accept: string | undefined): Encoding | undefined {
  if (!accept) return undefined;
  let best: Encoding | undefined;
  let bestQuality = 0;
  for (const item of accept.split(",")) {
    const [name = "", ...parameters] = item
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const encoding = name === "*" ? "gzip" : name;
    if (encoding !== "gzip" && encoding !== "deflate") continue;
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = q === undefined ? 1 : Number(q.slice(2));
    if (quality > bestQuality || (quality === bestQuality && quality > 0 && encoding === "gzip")) {
      best = encoding;
      bestQuality = quality;
    }
  }
  return best;
}

/** Compresses an HTTP body as the peer accepts it; without a common encoding, or on an error, hands it back as it was. */
export function compressBody(
  body: string | Buffer,
  accept: string | undefined,
  options: HttpCompression,
  done: Done,
): void {
  const encoding = chooseEncoding(accept);
  if (encoding === undefined) return done(undefined, body);
  const { now, later } = ENCODERS[encoding];
  if (body.length < SYNC_LIMIT) return done(encoding, now(body, options));
  later(body, options, (error, compressed) => (error ? done(undefined, body) : done(encoding, compressed)));
}

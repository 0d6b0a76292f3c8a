import { deflate, deflateSync, gzip, gzipSync, type ZlibOptions } from "node:zlib";

/** Options of {@link EngineOptions.httpCompression}: those of zlib and a threshold. */
export interface HttpCompression extends ZlibOptions {
  /** Bodies below this many bytes are sent as they are. Default 1024. */
  threshold: number;
}

type Encoding = "gzip" | "deflate";
type Done = (encoding: Encoding | undefined, body: string | Buffer) => void;

/** In order of preference. */
const ENCODINGS = ["gzip", "deflate"] as const satisfies readonly Encoding[];

/** Up to this size compressing at once costs less than handing it to the thread pool. */
const SYNC_LIMIT = 16 * 1024;

const ENCODERS = {
  gzip: { now: gzipSync, later: gzip },
  deflate: { now: deflateSync, later: deflate },
} as const;

/**
 * The encoding that the peer likes best (RFC 9110, section 12.5.3), undefined when it takes none of those supported.
 *
 * @param accept the `Accept-Encoding` header
 * @param supported in order of preference: the first one wins among equals
 */
export function chooseEncoding<Name extends string>(
  accept: string | undefined,
  supported: readonly Name[],
): Name | undefined {
  const qualities = new Map<string, number>();
  for (const item of (accept ?? "").split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    qualities.set(name, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  let best: Name | undefined;
  let bestQuality = 0;
  for (const name of supported) {
    const quality = qualities.get(name) ?? qualities.get("*") ?? 0;
    if (quality > bestQuality) [best, bestQuality] = [name, quality];
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
  const encoding = chooseEncoding(accept, ENCODINGS);
  if (encoding === undefined) return done(undefined, body);
  const { now, later } = ENCODERS[encoding];
  if (body.length < SYNC_LIMIT) return done(encoding, now(body, options));
  later(body, options, (error, compressed) => (error ? done(undefined, body) : done(encoding, compressed)));
}

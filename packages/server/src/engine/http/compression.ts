import { deflate, deflateSync, gzip, gzipSync, type ZlibOptions } from "node:zlib";
import { bounded } from "../../base/numbers.ts";

/** Options of {@link EngineOptions.httpCompression}: the options of zlib, and a threshold. */
export interface HttpCompression extends ZlibOptions {
  /** Bodies below this many bytes are sent as they are. Default 1024. */
  threshold: number;
}

export const DEFAULT_THRESHOLD = 1024;

/**
 * Returns the minimum size of compressed bodies, in bytes. Read for each response, because programs change it at run
 * time (`io.engine.opts.httpCompression.threshold = 0`).
 */
export function compressionThreshold(option: boolean | Partial<HttpCompression>): number {
  if (!option) return Infinity;
  return bounded(option === true ? undefined : option.threshold, 0, Infinity, DEFAULT_THRESHOLD);
}

type Encoding = "gzip" | "deflate";
type OnBody = (encoding: Encoding | undefined, body: string | Buffer) => void;

/** In order of preference. */
const BODY_ENCODINGS = ["gzip", "deflate"] as const satisfies readonly Encoding[];

/** Up to this size, synchronous compression costs less than the thread pool. */
const SYNC_LIMIT = 16 * 1024;

const ENCODERS = {
  gzip: { now: gzipSync, later: gzip },
  deflate: { now: deflateSync, later: deflate },
} as const;

/** One encoding in an `Accept-Encoding` header. */
interface Preference {
  readonly quality: number;
  /** 1 if it is named, 0 if only `*` covers it. */
  readonly isNamed: number;
  /** Place in the header. */
  readonly place: number;
}

/** Orders by quality, then named before `*`, then by position in the header. */
const compare = (a: Preference, b: Preference): number =>
  b.quality - a.quality || b.isNamed - a.isNamed || a.place - b.place;

function parsePreferences(accept: string): Map<string, Preference> {
  const preferences = new Map<string, Preference>();
  for (const [place, item] of accept.split(",").entries()) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined ? 1 : Number.parseFloat(weight.slice(2));
    const known = preferences.get(name);
    if (!known || quality >= known.quality) preferences.set(name, { quality, isNamed: name === "*" ? 0 : 1, place });
  }
  return preferences;
}

/**
 * Returns the client's preferred encoding (RFC 9110, section 12.5.3); undefined if it accepts none of `supported`. Among
 * equals, the first in the header wins; among encodings that only `*` covers, the first in `supported`.
 *
 * @param accept the `Accept-Encoding` header
 */
export function chooseEncoding<Name extends string>(
  accept: string | undefined,
  supported: readonly Name[],
): Name | undefined {
  if (!accept) return undefined;
  const preferences = parsePreferences(accept);
  let best: Name | undefined;
  let bestPreference: Preference | undefined;
  for (const name of supported) {
    const preference = preferences.get(name) ?? preferences.get("*");
    if (!preference || !(preference.quality > 0)) continue;
    if (!bestPreference || compare(preference, bestPreference) < 0) [best, bestPreference] = [name, preference];
  }
  return best;
}

/** Compresses an HTTP body with an accepted encoding. Without one, or after an error, returns the body unchanged. */
export function compressBody(
  body: string | Buffer,
  accept: string | undefined,
  options: boolean | Partial<HttpCompression>,
  done: OnBody,
): void {
  const encoding = chooseEncoding(accept, BODY_ENCODINGS);
  if (encoding === undefined) return done(undefined, body);
  const { now, later } = ENCODERS[encoding];
  const given = typeof options === "object" ? options : {};
  if (body.length < SYNC_LIMIT) {
    const compressed = tryCompress(() => now(body, given));
    return compressed ? done(encoding, compressed) : done(undefined, body);
  }
  const onCompressed = (error: unknown, compressed: Buffer): void =>
    error ? done(undefined, body) : done(encoding, compressed);
  if (!tryCompress(() => later(body, given, onCompressed) ?? "begun")) done(undefined, body);
}

/** Returns undefined for options that zlib rejects; it throws synchronously. */
function tryCompress<Result>(compress: () => Result): Result | undefined {
  try {
    return compress();
  } catch {
    return undefined;
  }
}

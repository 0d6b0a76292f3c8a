import type { ZlibOptions } from "node:zlib";
import { WINDOW_BITS } from "./deflate-params.ts";
import type { DeflateOptions } from "./deflate-params.ts";
import { limitOf, OptionError, reuseIfEqual } from "../option-error.ts";

/** The supported `zlibDeflateOptions` and their bounds. */
const ZLIB_BOUNDS = { level: [-1, 9], memLevel: [1, 9], strategy: [0, 4] } as const;

let latestOptions: DeflateOptions = {};

/**
 * Resolves the option `perMessageDeflate`: undefined for a falsy value, all defaults for true.
 * Consecutive connections with equal options share one record.
 * @throws OptionError for a window outside 8 to 15 bits, or a zlib option out of bounds
 */
export function checkDeflateOptions(option: unknown): DeflateOptions | undefined {
  if (!option) return undefined;
  const given: { readonly [K in keyof DeflateOptions]?: unknown } = typeof option === "object" ? option : {};
  const options: DeflateOptions = {
    serverNoContextTakeover: switchOf(given.serverNoContextTakeover),
    clientNoContextTakeover: switchOf(given.clientNoContextTakeover),
    serverMaxWindowBits: windowOf("serverMaxWindowBits", given.serverMaxWindowBits),
    clientMaxWindowBits: clientWindowOf(given.clientMaxWindowBits),
    zlibDeflateOptions: zlibOptionsOf(given.zlibDeflateOptions),
    threshold: thresholdOf(given.threshold),
    concurrencyLimit: given.concurrencyLimit === undefined ? undefined : limitOf(given.concurrencyLimit, Infinity),
    maxInflateRatio: given.maxInflateRatio === undefined ? undefined : limitOf(given.maxInflateRatio, Infinity),
  };
  latestOptions = reuseIfEqual(latestOptions, options);
  return latestOptions;
}

/**
 * Reads a three-state switch: false differs from "not set", which every other falsy value means.
 */
function switchOf(value: unknown): boolean | undefined {
  return value === false ? false : value ? true : undefined;
}

function windowOf(name: string, bits: unknown): number | undefined {
  if (!bits || bits === true) return undefined;
  const size = Number(bits);
  if (!WINDOW_BITS.test(String(size)))
    throw new OptionError(`\`${name}\` must be an integer from 8 to 15, not ${size}`);
  return size;
}

/** Reads the client's window. False: the server must not limit it. */
function clientWindowOf(bits: unknown): boolean | number | undefined {
  if (bits === true) return true;
  return bits === undefined || bits === null ? undefined : (windowOf("clientMaxWindowBits", bits) ?? false);
}

function thresholdOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const bytes = Number(value);
  return Number.isNaN(bytes) ? Infinity : bytes;
}

function zlibOptionsOf(value: unknown): ZlibOptions | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, [least, most]] of Object.entries(ZLIB_BOUNDS)) {
    const option = (value as Record<string, unknown>)[name];
    if (option === undefined) continue;
    if (!Number.isInteger(option) || (option as number) < least || (option as number) > most) {
      throw new OptionError(`\`zlibDeflateOptions.${name}\` must be an integer from ${least} to ${most}`);
    }
  }
  return value;
}

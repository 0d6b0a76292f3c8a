import type { ZlibOptions } from "node:zlib";
import { WINDOW_BITS } from "./deflate-params.ts";
import type { DeflateOptions } from "./deflate-params.ts";
import { limitOf, OptionError } from "../option-error.ts";

/** `zlibDeflateOptions` that are used, and their bounds. */
const ZLIB_BOUNDS = { level: [-1, 9], memLevel: [1, 9], strategy: [0, 4] } as const;

let latest: DeflateOptions = {};

/**
 * The options that `perMessageDeflate` stands for: undefined for false and what is as false (null, 0, an empty string), all
 * defaults for true. One record for all connections in a row that have the same.
 * @throws OptionError when a window has not 8 to 15 bits, or zlib cannot work with its options.
 */
export function checkDeflateOptions(option: unknown): DeflateOptions | undefined {
  if (!option) return undefined;
  const given: { readonly [K in keyof DeflateOptions]?: unknown } = typeof option === "object" ? option : {};
  const options: DeflateOptions = {
    serverNoContextTakeover: switchOf(given.serverNoContextTakeover),
    clientNoContextTakeover: switchOf(given.clientNoContextTakeover),
    serverMaxWindowBits: windowOf(given.serverMaxWindowBits),
    clientMaxWindowBits: clientWindowOf(given.clientMaxWindowBits),
    zlibDeflateOptions: zlibOptionsOf(given.zlibDeflateOptions),
    threshold: thresholdOf(given.threshold),
    concurrencyLimit: given.concurrencyLimit === undefined ? undefined : limitOf(given.concurrencyLimit, Infinity),
    maxInflateRatio: given.maxInflateRatio === undefined ? undefined : limitOf(given.maxInflateRatio, Infinity),
  };
  if (!areEqual(options, latest)) latest = options;
  return latest;
}

/** False is a wish of its own; what else is as false is none. */
function switchOf(value: unknown): boolean | undefined {
  return value === false ? false : value ? true : undefined;
}

function windowOf(bits: unknown): number | undefined {
  if (!bits || bits === true) return undefined;
  const size = Number(bits);
  if (!WINDOW_BITS.test(String(size))) throw new OptionError(`a window has 8 to 15 bits, not ${size}`);
  return size;
}

/** False: a client does not let the server limit its window. */
function clientWindowOf(bits: unknown): boolean | number | undefined {
  if (bits === true) return true;
  return bits === undefined || bits === null ? undefined : (windowOf(bits) ?? false);
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
      throw new OptionError(`zlibDeflateOptions.${name} is an integer from ${least} to ${most}`);
    }
  }
  return value;
}

function areEqual(one: DeflateOptions, other: DeflateOptions): boolean {
  const names = Object.keys(one) as (keyof DeflateOptions)[];
  return names.every((name) => one[name] === other[name]);
}

import type { ZlibOptions } from "node:zlib";
import { parseExtensions } from "../handshake/extensions.ts";
import type { Extension } from "../handshake/extensions.ts";

/** Options of permessage-deflate (RFC 7692), named as in `ws`. */
export interface DeflateOptions {
  /**
   * Whether the server compresses each message independently. Default: if the client requests it.
   * False declines such offers.
   */
  serverNoContextTakeover?: boolean | undefined;
  /** Whether the client compresses each message independently. Default: if the client offers it. */
  clientNoContextTakeover?: boolean | undefined;
  /**
   * Window of the server's compression, as a power of two from 8 to 15. Default: the
   * client's request, or 15.
   */
  serverMaxWindowBits?: number | undefined;
  /**
   * Window of the client's compression. Default: the client's offer, or 15. A number
   * declines clients that do not support a limit. As a client's option, false
   * forbids the server to limit it.
   */
  clientMaxWindowBits?: boolean | number | undefined;
  /** Compression level, `memLevel` and `strategy`; other options are ignored. Default: zlib's. */
  zlibDeflateOptions?: ZlibOptions | undefined;
  /** Accepted and ignored: decompression has no settings but the window. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /** Messages shorter than this many bytes are not compressed. Default 1,024. */
  threshold?: number | undefined;
  /** Messages that zlib's threads process at a time, in the whole process. Default 10. */
  concurrencyLimit?: number | undefined;
  /**
   * Most bytes of a message per compressed byte. Default: unlimited; `maxPayload` still applies.
   * Exceeded: close code 1009.
   */
  maxInflateRatio?: number | undefined;
}

/** The negotiated parameters (RFC 7692, 7.1). */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** An accepted offer, and the response in `Sec-WebSocket-Extensions`. */
export interface DeflateAgreement {
  readonly params: DeflateParams;
  readonly answer: string;
}

const NAME = "permessage-deflate";
const MAX_WINDOW_BITS = 15;
/** 8 to 15 in decimal, without leading zeros (RFC 7692, 7.1.2.1). */
export const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

/**
 * The parameters of one offer or response. A window is a number, `true` if named
 * without a value, or undefined.
 */
interface NamedParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  readonly clientMaxWindowBits: number | true | undefined;
}

/**
 * Returns the first acceptable offer of a client's `Sec-WebSocket-Extensions` header. Returns
 * undefined if none is acceptable or the header is malformed: the connection opens without
 * compression (RFC 7692, 5.1).
 */
export function negotiateDeflate(header: string | undefined, options: DeflateOptions): DeflateAgreement | undefined {
  if (header === undefined) return undefined;
  for (const extension of parseExtensions(header) ?? []) {
    const offer = readParameters(extension);
    const agreement = offer === undefined ? undefined : agree(offer, options);
    if (agreement !== undefined) return agreement;
  }
  return undefined;
}

/**
 * Combines an offer with the options, and writes the response
 * (RFC 7692, 7.1.1.1, 7.1.1.2, 7.1.2.1 and 7.1.2.2).
 */
function agree(offer: NamedParameters, options: DeflateOptions): DeflateAgreement | undefined {
  if (offer.serverNoContextTakeover && options.serverNoContextTakeover === false) return undefined;
  const clientLimit = typeof options.clientMaxWindowBits === "number" ? options.clientMaxWindowBits : undefined;
  // A client that does not name its window does not support a limit (RFC 7692, 7.1.2.2).
  if (clientLimit !== undefined && offer.clientMaxWindowBits === undefined) return undefined;
  const offeredBits = typeof offer.clientMaxWindowBits === "number" ? offer.clientMaxWindowBits : undefined;
  const params: DeflateParams = {
    serverNoContextTakeover: offer.serverNoContextTakeover || options.serverNoContextTakeover === true,
    clientNoContextTakeover: options.clientNoContextTakeover ?? offer.clientNoContextTakeover,
    serverMaxWindowBits: smallest(offer.serverMaxWindowBits, options.serverMaxWindowBits),
    clientMaxWindowBits: smallest(offeredBits, clientLimit),
  };
  let answer = NAME;
  if (params.serverNoContextTakeover) answer += "; server_no_context_takeover";
  if (params.clientNoContextTakeover) answer += "; client_no_context_takeover";
  if ((offer.serverMaxWindowBits ?? options.serverMaxWindowBits) !== undefined) {
    answer += `; server_max_window_bits=${params.serverMaxWindowBits}`;
  }
  if ((offeredBits ?? clientLimit) !== undefined) answer += `; client_max_window_bits=${params.clientMaxWindowBits}`;
  return { params, answer };
}

/** Writes a client's offer for its `Sec-WebSocket-Extensions` header. */
export function offerDeflate(options: DeflateOptions): string {
  const { serverMaxWindowBits, clientMaxWindowBits = true } = options;
  let offer = NAME;
  if (options.serverNoContextTakeover === true) offer += "; server_no_context_takeover";
  if (options.clientNoContextTakeover === true) offer += "; client_no_context_takeover";
  if (serverMaxWindowBits !== undefined) offer += `; server_max_window_bits=${serverMaxWindowBits}`;
  if (clientMaxWindowBits === true) offer += "; client_max_window_bits";
  else if (clientMaxWindowBits !== false) offer += `; client_max_window_bits=${clientMaxWindowBits}`;
  return offer;
}

/**
 * Checks a server's response to `offerDeflate(options)`. Returns `refused` if it names an extension
 * or parameters that were not offered or are unacceptable (RFC 6455, 4.1 answer 5;
 * RFC 7692, 5 and 7.1). The caller must then fail the connection.
 */
export function checkDeflateAnswer(
  header: string,
  options: DeflateOptions | undefined,
): DeflateParams | "refused" | undefined {
  const extensions = parseExtensions(header);
  if (extensions?.length === 0) return undefined;
  const answer = extensions?.length === 1 ? readParameters(extensions[0]!) : undefined;
  if (answer === undefined || options === undefined) return "refused";
  const { clientMaxWindowBits = true } = options;
  const serverBits = answer.serverMaxWindowBits ?? MAX_WINDOW_BITS;
  const clientBits = answer.clientMaxWindowBits ?? smallest(clientMaxWindowBits, undefined);
  if (clientBits === true) return "refused";
  if (answer.clientMaxWindowBits !== undefined && clientMaxWindowBits === false) return "refused";
  if (clientBits > smallest(clientMaxWindowBits, undefined)) return "refused";
  if (serverBits > (options.serverMaxWindowBits ?? MAX_WINDOW_BITS)) return "refused";
  if (options.serverNoContextTakeover === true && !answer.serverNoContextTakeover) return "refused";
  if (options.clientNoContextTakeover === false && answer.clientNoContextTakeover) return "refused";
  return {
    serverNoContextTakeover: answer.serverNoContextTakeover,
    clientNoContextTakeover: answer.clientNoContextTakeover || options.clientNoContextTakeover === true,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: clientBits,
  };
}

/**
 * Reads the parameters of one permessage-deflate element. Returns undefined for another extension,
 * or for parameters that must be declined.
 */
function readParameters(extension: Extension): NamedParameters | undefined {
  if (extension.name !== NAME) return undefined;
  const values = new Map<string, number | true>();
  for (const { name, value } of extension.parameters) {
    const read = readParameter(name, value);
    if (read === undefined || values.has(name)) return undefined;
    values.set(name, read);
  }
  return {
    serverNoContextTakeover: values.has("server_no_context_takeover"),
    clientNoContextTakeover: values.has("client_no_context_takeover"),
    serverMaxWindowBits: values.get("server_max_window_bits") as number | undefined,
    clientMaxWindowBits: values.get("client_max_window_bits"),
  };
}

/** Reads one parameter. Returns undefined if its name or value is invalid. */
function readParameter(name: string, value: string | undefined): number | true | undefined {
  switch (name) {
    case "server_no_context_takeover":
    case "client_no_context_takeover":
      return value === undefined ? true : undefined;
    case "client_max_window_bits":
      if (value === undefined) return true;
      break;
    case "server_max_window_bits":
      break;
    default:
      return undefined;
  }
  return value !== undefined && WINDOW_BITS.test(value) ? Number(value) : undefined;
}

function smallest(offered: number | boolean | undefined, own: number | undefined): number {
  return Math.min(typeof offered === "number" ? offered : MAX_WINDOW_BITS, own ?? MAX_WINDOW_BITS);
}

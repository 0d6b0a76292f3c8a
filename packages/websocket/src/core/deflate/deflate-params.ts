import type { ZlibOptions } from "node:zlib";
import { parseExtensions } from "../handshake/extensions.ts";
import type { Extension } from "../handshake/extensions.ts";

/** Options of permessage-deflate (RFC 7692). The names are those of `ws`. */
export interface DeflateOptions {
  /** Whether this server compresses each message by itself. Default: when the client asks for it. False: such offers are declined. */
  serverNoContextTakeover?: boolean | undefined;
  /** Whether the client compresses each message by itself. Default: when the client says so. */
  clientNoContextTakeover?: boolean | undefined;
  /** Size of the window that the server compresses with, as a power of two, 8 to 15. Default: what the client asks for, or 15. */
  serverMaxWindowBits?: number | undefined;
  /**
   * The same for the client. Default: what the client names, or 15. A client that does not say that its window can be
   * limited is declined when a number stands here. As an option of a client, `false` does not let the server limit it.
   */
  clientMaxWindowBits?: boolean | number | undefined;
  /** `level`, `memLevel` and `strategy` of compression are used. Default: zlib's. */
  zlibDeflateOptions?: ZlibOptions | undefined;
  /** Accepted for compatibility: decompression has nothing to set beside the window. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /** Bytes below which a message is not compressed. Default 1,024. */
  threshold?: number | undefined;
  /** Messages of the whole process that zlib's threads may work on at a time. Default 10. */
  concurrencyLimit?: number | undefined;
  /**
   * How many times its compressed size a message may have. Default: no limit but `maxPayload`, which bounds what a message
   * can cost. Exceeded: close code 1009.
   */
  maxInflateRatio?: number | undefined;
}

/** What both ends have agreed on (RFC 7692, 7.1). */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** An offer that the server accepts, and its answer in `Sec-WebSocket-Extensions`. */
export interface DeflateAgreement {
  readonly params: DeflateParams;
  readonly answer: string;
}

const NAME = "permessage-deflate";
const MAX_WINDOW_BITS = 15;
/** 8 to 15 in decimal, without leading zeros (RFC 7692, 7.1.2.1). */
export const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

/** The parameters of one offer or answer. A window is a number, `true` when it was named without one, or undefined. */
interface Parameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  readonly clientMaxWindowBits: number | true | undefined;
}

/**
 * Chooses the first offer of a client's `Sec-WebSocket-Extensions` header that can be accepted. Undefined: there is none, and
 * the connection goes on without compression (RFC 7692, 5.1). A malformed header holds no offer.
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

/** RFC 7692, 7.1.1.1, 7.1.1.2, 7.1.2.1 and 7.1.2.2: what both ends can keep, and the answer that says so. */
function agree(offer: Parameters, options: DeflateOptions): DeflateAgreement | undefined {
  if (offer.serverNoContextTakeover && options.serverNoContextTakeover === false) return undefined;
  const clientLimit = typeof options.clientMaxWindowBits === "number" ? options.clientMaxWindowBits : undefined;
  // Only a client that says so understands a limit for its window (RFC 7692, 7.1.2.2).
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

/** A client's offer, for its `Sec-WebSocket-Extensions` header. */
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
 * Reads a server's answer to `offerDeflate(options)`. `refused`: it names an extension or parameters that were not offered,
 * or no parameters that can be agreed with (RFC 6455, 4.1 answer 5; RFC 7692, 5 and 7.1), and the connection must be failed.
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

/** The parameters of one permessage-deflate element; undefined: another extension, or one that must be declined. */
function readParameters(extension: Extension): Parameters | undefined {
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

/** Undefined: an unknown parameter, or a value that it cannot have. */
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

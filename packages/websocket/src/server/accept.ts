import type { IncomingMessage } from "node:http";
import type { Agreement } from "./answer.ts";
import type { Clock } from "../clock.ts";
import { clockOf, delayOf } from "../clock.ts";
import { checkDeflateOptions, limitsOf, negotiateDeflate, OptionError, parseProtocols } from "../core/index.ts";
import type { DeflateOptions, ReceiveBudget } from "../core/index.ts";
import type { LinkOptions } from "../link/link-types.ts";
import { WEBSOCKET_DEFAULTS } from "../options.ts";

/** Options of {@link acceptUpgrade}. */
export interface AcceptOptions {
  /** Bytes of one message, after decompression. Default 1 MiB. Exceeded: close code 1009. */
  readonly maxPayload?: number;
  /**
   * Frames of one message. Default 1,024, plus one per 32 bytes of the message.
   * Exceeded: close code 1008.
   */
  readonly maxFragments?: number;
  /** Compression (RFC 7692), for clients that offer it. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** Control frames received within one second. Default 100. Exceeded: close code 1008. */
  readonly maxControlFramesPerSecond?: number;
  /**
   * Bounds the memory of incomplete messages, across all connections with this budget. Default
   * none. Exceeded: close code 1013.
   */
  readonly budget?: ReceiveBudget;
  /** Header lines to add to the response, such as `"Set-Cookie: a=b"`. Default: none. */
  readonly headers?: readonly string[];
  /** The subprotocol to choose among the offered ones; false for none. Default: the first. */
  readonly protocol?: string | false;
  /** Milliseconds until an unfinished closing handshake destroys the stream. Default 30,000. */
  readonly closeTimeout?: number;
  /** Source of time. Default: real time. */
  readonly clock?: Clock;
}

/** What a server makes of its options and of the offers of a client. */
interface Acceptance {
  readonly agreement: Agreement;
  /** Header lines that the caller adds to the response. */
  readonly added: readonly string[];
  readonly settings: LinkOptions;
}

/**
 * Chooses among the offers of a checked opening handshake.
 * @throws OptionError for an invalid option
 */
export function chooseOffers({ headers }: Pick<IncomingMessage, "headers">, options: AcceptOptions): Acceptance {
  const deflateOptions = checkDeflateOptions(options.perMessageDeflate);
  const deflate = deflateOptions && negotiateDeflate(headers["sec-websocket-extensions"], deflateOptions);
  // Browsers fail a connection whose response names none of the offered subprotocols.
  const first = parseProtocols(headers["sec-websocket-protocol"])?.values().next().value;
  return {
    agreement: { protocol: (options.protocol ?? first) || undefined, extensions: deflate?.answer },
    added: addedLines(options.headers),
    settings: {
      role: "server",
      limits: limitsOf(options),
      clock: clockOf(options.clock),
      closeTimeout: delayOf(options.closeTimeout, WEBSOCKET_DEFAULTS.closeTimeout),
      deflate: deflate && { params: deflate.params, options: deflateOptions },
    },
  };
}

function addedLines(headers: readonly string[] | undefined): readonly string[] {
  if (!headers) return [];
  const areLines = Array.isArray(headers) && headers.every((line) => typeof line === "string" && line.indexOf(":") > 0);
  if (!areLines) throw new OptionError('`headers` must be an array of lines such as "Name: value"');
  return headers;
}

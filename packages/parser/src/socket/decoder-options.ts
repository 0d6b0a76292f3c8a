/** Second argument of `JSON.parse`. */
export type JsonReviver = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Limits for the packets of a peer. The decoder rejects a packet beyond one with that limit's code.
 */
export interface DecoderLimits {
  /** Most attachments of one packet. Default 10. */
  maxAttachments: number;
  /**
   * Most bytes of the attachments of one packet in total. Default: unlimited but
   * for the transport's limit.
   */
  maxAttachmentBytes: number;
  /** Deepest nesting of arrays and objects, the array of arguments included. Default 100. */
  maxDepth: number;
  /**
   * Most keys of all objects of a packet in total. Default: unlimited but for the size of the text.
   */
  maxKeys: number;
  /** Most elements of an event or acknowledgement, the event name included. Default 10,000. */
  maxArguments: number;
  /** Longest event name, in UTF-16 code units. Default 256. */
  maxEventNameLength: number;
  /** Longest namespace, a query included, in UTF-16 code units. Default 256. */
  maxNamespaceLength: number;
}

/** Options of a {@link Decoder}. */
export interface DecoderOptions extends Partial<DecoderLimits> {
  /** Passed to `JSON.parse`. Default: none. */
  reviver?: JsonReviver | undefined;
}

/** All options, resolved. */
export interface DecoderSettings extends DecoderLimits {
  reviver: JsonReviver | undefined;
}

const DECODER_DEFAULTS: Readonly<DecoderSettings> = Object.freeze({
  reviver: undefined,
  maxAttachments: 10,
  maxAttachmentBytes: Infinity,
  maxDepth: 100,
  maxKeys: Infinity,
  maxArguments: 10_000,
  maxEventNameLength: 256,
  maxNamespaceLength: 256,
});

const LIMITS = Object.keys(DECODER_DEFAULTS).filter((name) => name !== "reviver") as (keyof DecoderLimits)[];

/**
 * A server makes a decoder for each connection from one options object; all
 * share its resolved settings.
 */
const resolved = new WeakMap<object, Readonly<DecoderSettings>>();

/** Resolves options. Later changes of the options object have no effect. */
export function resolveDecoderOptions(options: DecoderOptions | JsonReviver | undefined): Readonly<DecoderSettings> {
  if (typeof options !== "function" && (typeof options !== "object" || options === null)) return DECODER_DEFAULTS;
  let settings = resolved.get(options);
  if (settings === undefined) {
    settings = typeof options === "function" ? { ...DECODER_DEFAULTS, reviver: options } : withDefaults(options);
    resolved.set(options, settings);
  }
  return settings;
}

/**
 * Fills in defaults. An option that is not a number gets its default: `undefined` and
 * `NaN` must not lift a limit.
 */
function withDefaults(options: DecoderOptions): Readonly<DecoderSettings> {
  const settings: DecoderSettings = { ...DECODER_DEFAULTS };
  for (const name of LIMITS) {
    const given: unknown = options[name];
    const limit = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    if (typeof limit === "number" && !Number.isNaN(limit)) settings[name] = limit;
  }
  if (typeof options.reviver === "function") settings.reviver = options.reviver;
  return settings;
}

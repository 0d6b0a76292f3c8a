/** Second argument of `JSON.parse`. */
export type JsonReviver = (this: unknown, key: string, value: unknown) => unknown;

/** What a decoder accepts from a peer. Each limit refuses what is beyond it with a code of its own. */
export interface DecoderLimits {
  /** Most attachments of one packet. Default 10. */
  maxAttachments: number;
  /** Most bytes of the attachments of one packet together. Default: no limit but the transport's. */
  maxAttachmentBytes: number;
  /** Deepest nesting of arrays and objects, the array of arguments included. Default 100. */
  maxDepth: number;
  /** Most keys of all objects of a packet together. Default: no limit but the size of the text. */
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
  /** Handed to `JSON.parse`. Default: none. */
  reviver?: JsonReviver | undefined;
}

/** Every option with its value. */
export interface DecoderSettings extends DecoderLimits {
  reviver: JsonReviver | undefined;
}

const DEFAULTS: Readonly<DecoderSettings> = Object.freeze({
  reviver: undefined,
  maxAttachments: 10,
  maxAttachmentBytes: Infinity,
  maxDepth: 100,
  maxKeys: Infinity,
  maxArguments: 10_000,
  maxEventNameLength: 256,
  maxNamespaceLength: 256,
});

const LIMITS = Object.keys(DEFAULTS).filter((name) => name !== "reviver") as (keyof DecoderLimits)[];

/** A server makes a decoder for each connection from one options object: they share what it resolves to. */
const resolved = new WeakMap<object, Readonly<DecoderSettings>>();

/** @returns the settings of a decoder; later changes of the options object have no effect */
export function resolveDecoderOptions(options: DecoderOptions | JsonReviver | undefined): Readonly<DecoderSettings> {
  if (typeof options !== "function" && (typeof options !== "object" || options === null)) return DEFAULTS;
  let settings = resolved.get(options);
  if (settings === undefined) {
    settings = typeof options === "function" ? { ...DEFAULTS, reviver: options } : withDefaults(options);
    resolved.set(options, settings);
  }
  return settings;
}

/** An option that is not a number keeps its default: neither `undefined` nor `NaN` must lift a limit. */
function withDefaults(options: DecoderOptions): Readonly<DecoderSettings> {
  const settings: DecoderSettings = { ...DEFAULTS };
  for (const name of LIMITS) {
    const given: unknown = options[name];
    const limit = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    if (typeof limit === "number" && !Number.isNaN(limit)) settings[name] = limit;
  }
  if (typeof options.reviver === "function") settings.reviver = options.reviver;
  return settings;
}

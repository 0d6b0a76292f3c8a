/**
 * One extension of a `Sec-WebSocket-Extensions` header, with its parameters in
 * order, repeated ones included.
 */
export interface Extension {
  readonly name: string;
  readonly parameters: readonly ExtensionParameter[];
}

export interface ExtensionParameter {
  readonly name: string;
  /** Undefined: the parameter has no value. */
  readonly value: string | undefined;
}

/** A token of RFC 7230, 3.2.6. */
export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** A quoted string whose content, without backslashes, is a token (RFC 6455, 9.1). */
const QUOTED = `"(?:\\\\?[!#$%&'*+\\-.^_\`|~0-9A-Za-z])+"`;
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
/**
 * One piece of the header: a separator, a name, and a parameter's value. Sticky and without nested
 * repetition, so every header is read in linear time.
 */
const PIECE = new RegExp(
  `[ \\t]*([,;]?)[ \\t]*(?:(${TOKEN})(?:[ \\t]*=[ \\t]*(${TOKEN}|${QUOTED}))?[ \\t]*(?=[,;]|$))?`,
  "y",
);

/** Returns whether `text` is a token, as names of extensions and subprotocols must be. */
export function isToken(text: string): boolean {
  return WHOLE_TOKEN.test(text);
}

/**
 * Parses a `Sec-WebSocket-Extensions` header (RFC 6455, 9.1); repeated headers are joined
 * by commas before. Skips empty list elements, as RFC 7230, 7 asks. Returns undefined if
 * the header is malformed.
 *
 * @example
 * parseExtensions("permessage-deflate; client_max_window_bits");
 * // [{ name: "permessage-deflate", parameters: [{ name: "client_max_window_bits", value: undefined }] }]
 */
export function parseExtensions(header: string): readonly Extension[] | undefined {
  const extensions: { name: string; parameters: ExtensionParameter[] }[] = [];
  let current: ExtensionParameter[] | undefined = undefined;
  for (let at = 0; at < header.length;) {
    PIECE.lastIndex = at;
    const [piece, separator, name, value] = PIECE.exec(header)!;
    if (piece.length === 0) return undefined;
    at += piece.length;
    if (separator === ";") {
      if (current === undefined || name === undefined) return undefined;
      current.push({ name, value: value === undefined ? undefined : unquoted(value) });
    } else if (name === undefined) {
      current = undefined;
    } else {
      if (value !== undefined) return undefined;
      current = [];
      extensions.push({ name, parameters: current });
    }
  }
  return extensions;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll("\\", "") : value;
}

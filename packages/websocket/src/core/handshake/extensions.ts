/** One extension of a `Sec-WebSocket-Extensions` header, with its parameters as they stood there, repeated ones too. */
export interface Extension {
  readonly name: string;
  readonly parameters: readonly ExtensionParameter[];
}

export interface ExtensionParameter {
  readonly name: string;
  /** Undefined: the parameter had no value. */
  readonly value: string | undefined;
}

/** A token of RFC 7230, 3.2.6, anywhere in a text. */
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** A quoted string whose content, without the backslashes, is a token (RFC 6455, 9.1). */
const QUOTED = `"(?:\\\\?[!#$%&'*+\\-.^_\`|~0-9A-Za-z])+"`;
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
/**
 * One piece of the header: a separator before a name, and the value of a parameter. Sticky, and without nested repetition:
 * it reads every header in linear time.
 */
const PIECE = new RegExp(
  `[ \\t]*([,;]?)[ \\t]*(?:(${TOKEN})(?:[ \\t]*=[ \\t]*(${TOKEN}|${QUOTED}))?[ \\t]*(?=[,;]|$))?`,
  "y",
);

/** Whether `text` is a token, as the names of extensions and subprotocols have to be. */
export function isToken(text: string): boolean {
  return WHOLE_TOKEN.test(text);
}

/**
 * Reads a `Sec-WebSocket-Extensions` header (RFC 6455, 9.1); several headers of that name are joined by commas before.
 * Undefined when it does not follow the grammar. Empty elements of the list are skipped, as RFC 7230, 7 asks.
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
    const [piece, separator, name, value] = PIECE.exec(header) as unknown as [string, string, string?, string?];
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

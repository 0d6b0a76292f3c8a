/** A cookie set by a server. */
export interface Cookie {
  /** Name of the cookie. */
  name: string;
  /** Value as the server sent it. */
  value: string;
  /** When it expires; absent: when the connection ends. */
  expires?: Date;
}

/** Limit of cookies per server; RFC 6265 section 6.1 asks for at least 50. */
const MAX_COOKIES = 300;
/** Limit of characters in a `Set-Cookie` header (RFC 6265 section 6.1 asks for at least 4096 bytes). */
const MAX_LENGTH = 8192;

/**
 * The cookies of one connection (Node.js). A connection has one server, so the jar ignores the domain and path of cookies.
 */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Stores the cookies of `Set-Cookie` header values. */
  parseCookies(values: readonly string[] | null | undefined): void {
    for (const value of values ?? []) {
      const cookie = parseCookie(value);
      if (cookie && (this.#cookies.has(cookie.name) || this.#cookies.size < MAX_COOKIES)) {
        this.#cookies.set(cookie.name, cookie);
      }
    }
  }

  /** Names and cookies; expired cookies are removed first. */
  get cookies(): IterableIterator<[string, Cookie]> {
    const now = Date.now();
    for (const [name, { expires }] of this.#cookies)
      if (expires && expires.getTime() <= now) this.#cookies.delete(name);
    return this.#cookies.entries();
  }

  /** The value of a `Cookie` header, or "". */
  get header(): string {
    return Array.from(this.cookies, ([name, { value }]) => name + "=" + value).join("; ");
  }
}

/** Parses a `Set-Cookie` header (RFC 6265 section 5.2); undefined if it has no name. */
export function parseCookie(header: string): Cookie | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const [pair = "", ...attributes] = header.split(";").map((part) => part.trim());
  const [name, value] = splitAt(pair, "=");
  if (value === undefined || name === "") return undefined;
  const cookie: Cookie = { name, value: value.startsWith('"') ? value.slice(1, -1) : value };
  let maxAge: Date | undefined;
  for (const attribute of attributes) {
    const [key, text = ""] = splitAt(attribute, "=");
    // an unreadable date expires the cookie
    if (key.toLowerCase() === "expires") cookie.expires = new Date(Date.parse(text) || 0);
    if (key.toLowerCase() === "max-age") maxAge = new Date(Number(text) > 0 ? Date.now() + Number(text) * 1000 : 0);
  }
  if (maxAge) cookie.expires = maxAge;
  return cookie;
}

function splitAt(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

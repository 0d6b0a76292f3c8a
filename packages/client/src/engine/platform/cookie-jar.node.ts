/** A cookie that a server has set. */
export interface Cookie {
  name: string;
  value: string;
  /** When it is gone; absent: with the connection. */
  expires?: Date;
}

/** Most cookies kept of one server; RFC 6265 section 6.1 asks for 50 at least. */
const MAX_COOKIES = 300;
/** A `Set-Cookie` header longer than this is dropped (RFC 6265 section 6.1 asks for 4096 bytes at least). */
const MAX_LENGTH = 8192;

/**
 * The cookies of one connection (Node.js). It knows one server only, so names and expiry suffice: domain and path of a
 * cookie do not matter.
 */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Takes in the values of `Set-Cookie` headers. */
  parseCookies(values: readonly string[] | null | undefined): void {
    for (const value of values ?? []) {
      const cookie = parseCookie(value);
      if (cookie && (this.#cookies.has(cookie.name) || this.#cookies.size < MAX_COOKIES)) {
        this.#cookies.set(cookie.name, cookie);
      }
    }
  }

  /** Name and cookie of those that have not expired. */
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

/** Reads a `Set-Cookie` header (RFC 6265 section 5.2); undefined if there is no name in it. */
export function parseCookie(header: string): Cookie | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const [pair = "", ...attributes] = header.split(";").map((part) => part.trim());
  const [name, value] = splitAt(pair, "=");
  if (value === undefined || name === "") return undefined;
  const cookie: Cookie = { name, value: value.startsWith('"') ? value.slice(1, -1) : value };
  let maxAge: Date | undefined;
  for (const attribute of attributes) {
    const [key, text = ""] = splitAt(attribute, "=");
    // what can't be read is a cookie that is gone, not one that stays
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

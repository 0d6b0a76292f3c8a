/*
 * Addresses of views: `#/connections?transport=polling`.
 * Knows: names of views, and how filter words are written in an address.
 * Must not know: the document.
 */

/** Views that have an address of their own. */
export const VIEWS = [
  "overview",
  "connections",
  "connection",
  "rooms",
  "events",
  "problems",
  "ended",
  "cluster",
] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** What follows the name: the handle of a connection. */
  readonly subject: string;
  readonly params: Readonly<Record<string, string>>;
}

const isView = (name: string): name is View => (VIEWS as readonly string[]).includes(name);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns the view of an address; of an unknown one, the overview. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [name = "", ...rest] = path.split("/");
  const params = Object.fromEntries(new URLSearchParams(query));
  if (!isView(name)) return { view: "overview", subject: "", params };
  return { view: name, subject: decoded(rest.join("/")), params };
}

/** Returns the address of a view; empty parameters are left out. */
export function routeTo(view: View, params: Readonly<Record<string, string>> = {}, subject = ""): string {
  const path = view === "overview" ? "" : view + (subject === "" ? "" : `/${encodeURIComponent(subject)}`);
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "")).toString();
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}

import type { IncomingMessage } from "node:http";
import { HIDDEN } from "./redaction.ts";
import { networkOf } from "./sockets.ts";

const MOST_LINES = 64;
const MOST_VALUE = 300;

/** Headers whose values are secrets. */
const SECRET_HEADER =
  /^(?:authorization|cookie|set-cookie|proxy-.*|x-.*-token|sec-websocket-(?:key|protocol))$|pass|secret|token|auth|session|jwt|api.?key|cert|signature|credential/i;
/** Values that are secrets under any name: of `Authorization`, and JSON web tokens. */
const SECRET_VALUE = /^(?:bearer|basic|digest) |\beyJ[\w-]{8,}\.[\w-]+\.|^eyJ/i;
/** Headers with the address of the client. */
const ADDRESS_HEADER = /^(?:(?:.*-)?forwarded(?:-for)?|(?:.*-)?ip|.*-(?:address|addr))$/i;
/** Parameters of Engine.IO. The id of the session is one too, but it is a secret. */
const OPEN_PARAMETERS: ReadonlySet<string> = new Set(["EIO", "transport", "t", "carry", "stream", "b64", "j"]);

/** Returns headers and query of a handshake as pages may see them. */
export function safeHandshake(request: IncomingMessage | null): (readonly [name: string, value: string])[] {
  if (request === null) return [];
  const lines: (readonly [string, string])[] = [["URL", safeUrl(request.url ?? "")]];
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    // A referrer is a URL of the program, with a query of its own.
    if (name === "referer" || value === undefined) continue;
    lines.push([name, safeHeader(name, String(value)).slice(0, MOST_VALUE)]);
  }
  return lines.slice(0, MOST_LINES);
}

function safeHeader(name: string, value: string): string {
  if (SECRET_HEADER.test(name) || SECRET_VALUE.test(value)) return HIDDEN;
  if (!ADDRESS_HEADER.test(name)) return value;
  return value
    .split(",")
    .map((address) => networkOf(address.trim()))
    .join(", ");
}

/** Returns a URL with the values of Engine.IO in its query, and without other values. */
export function safeUrl(url: string): string {
  const [path = "", query] = url.split("?", 2);
  if (query === undefined) return path.slice(0, MOST_VALUE);
  const parameters = query.split("&").map((each) => {
    const [name = ""] = each.split("=", 1);
    return OPEN_PARAMETERS.has(name) ? each : `${name}=${HIDDEN}`;
  });
  return `${path}?${parameters.join("&")}`.slice(0, MOST_VALUE);
}

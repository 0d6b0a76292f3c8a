import type { IncomingMessage, ServerResponse } from "node:http";
import { servesHost } from "./own-host.ts";

/** A page has asked and may not read the answer, as `cors_mismatch` listeners of the engine get it. */
export interface CorsMismatch {
  readonly req: IncomingMessage;
  /** The origin of the page. */
  readonly origin: string;
}

/** What `writeHead` was given alone is not among the headers of Node's responses, but in the head that is sent. */
const WRITTEN = /^access-control-allow-origin: (.*)\r$/im;

/**
 * The origin of a page that asks and that its browser will not show the answer to, as the headers of an answer that is out say: it
 * polls in vain, and the server would never know. Undefined where all is well, or where it is not a page that asks.
 */
export function unreadableBy(req: IncomingMessage, res: ServerResponse): string | undefined {
  const { origin, "sec-fetch-site": site } = req.headers;
  if (origin === undefined || site === "same-origin" || !/^https?:/i.test(origin) || !URL.canParse(origin)) {
    return undefined;
  }
  const allowed =
    res.getHeader("access-control-allow-origin") ?? WRITTEN.exec(String(Reflect.get(res, "_header")))?.[1];
  return allowed === "*" || allowed === origin || servesHost(req, new URL(origin)) ? undefined : origin;
}

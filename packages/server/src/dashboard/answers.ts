import type { IncomingMessage, ServerResponse } from "node:http";

/** A request and its response. */
export interface WebExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** The policy of all answers: only files of the page, and no code in texts. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const SAFETY: Readonly<Record<string, string>> = {
  "Content-Security-Policy": CONTENT_POLICY,
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** Sets the headers that all answers of the page have. */
export function setSafetyHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(SAFETY)) res.setHeader(name, value);
}

/** Answers instead of the page, by code. */
export const PAGE_ERRORS = {
  LOCAL_ONLY: {
    status: 403,
    message: "The live page is for this machine alone. Open it at http://localhost, or set the option auth.",
  },
  FORBIDDEN: { status: 403, message: "The option auth of the live page does not let you in." },
  CROSS_SITE: {
    status: 403,
    message: "The request comes from a page of another origin, or a proxy has changed the header Host.",
  },
  LOGIN_NEEDED: { status: 401, message: "Log in first." },
  TOO_MANY_ATTEMPTS: { status: 429, message: "Too many failed logins. Wait a minute." },
  FULL: { status: 503, message: "As many viewers are connected as there may be." },
  NOT_FOUND: { status: 404, message: "There is not a page here." },
  METHOD: { status: 405, message: "The page answers GET requests." },
  BODY: { status: 400, message: "The form could not be read." },
  DASHBOARD_FILES_MISSING: {
    status: 500,
    message: "DASHBOARD_FILES_MISSING: put dashboard-dist of @portage/server beside the bundle, or run the build.",
  },
} as const;

export type PageErrorCode = keyof typeof PAGE_ERRORS;

/** Answers with an error, as text. */
export function sendPageError(
  { req, res }: WebExchange,
  code: PageErrorCode,
  headers: Record<string, string> = {},
): void {
  const { status, message } = PAGE_ERRORS[code];
  res.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  res.end(req.method === "HEAD" ? undefined : `${message}\n`);
}

/** Sends the browser to another page, by an address relative to this one. */
export function sendElsewhere({ res }: WebExchange, status: 303 | 308, location: string): void {
  res.writeHead(status, { Location: location, "Content-Length": 0 });
  res.end();
}

const MOST_BODY = 4096;

/** Reads a short form. Calls back once; without fields if it is too long, or breaks off. */
export function readForm(req: IncomingMessage, done: (form: URLSearchParams | undefined) => void): void {
  const { body } = req as { body?: unknown };
  // A middleware of the program has read it.
  if (typeof body === "object" && body !== null) return done(new URLSearchParams(textFields(body)));
  // A middleware has read it, and kept nothing.
  if (req.readableEnded) return done(undefined);
  const chunks: Buffer[] = [];
  let size = 0;
  req.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MOST_BODY) chunks.push(chunk);
  });
  req.once("error", () => done(undefined));
  req.once("end", () => done(size > MOST_BODY ? undefined : new URLSearchParams(Buffer.concat(chunks).toString())));
}

function textFields(body: object): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(body)) if (typeof value === "string") fields[name] = value;
  return fields;
}

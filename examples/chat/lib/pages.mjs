import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../public/", import.meta.url));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const HEADERS = {
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

function readPage(path) {
  const body = readFileSync(FOLDER + path);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { body, headers: { ...HEADERS, etag, "content-type": TYPES[extname(path)] } };
}

/** Serves the files of `public/`, read once at the start, so that a request's path can't escape the folder. */
export function servePages(app) {
  for (const entry of readdirSync(FOLDER, { recursive: true })) {
    if (!(extname(entry) in TYPES)) continue;
    const path = entry.replaceAll("\\", "/");
    const { body, headers } = readPage(path);
    app.get(`/${path}`, (request, reply) => {
      reply.headers(headers);
      return request.headers["if-none-match"] === headers.etag ? reply.code(304).send() : reply.send(body);
    });
  }
  app.get("/", (_request, reply) => reply.redirect("/websocket.html"));
}

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { DashboardError } from "./errors.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** A file of the page, as built. */
interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  /** Compressed when the page was built; undefined if that saves nothing. */
  readonly gzip: Buffer | undefined;
  /** Whether its name changes with its content. */
  readonly isHashed: boolean;
  readonly etag: string;
}

/** Finds `dashboard-dist` of this package from `src` or `dist`, or beside the file of a bundle. */
function findFolder(): string {
  const near = typeof __dirname === "string" ? __dirname : ".";
  for (const folder of [join(near, "../../dashboard-dist"), join(near, "dashboard-dist")]) {
    try {
      readFileSync(join(folder, "index.html"));
      return folder;
    } catch {
      // The next one.
    }
  }
  throw new DashboardError("DASHBOARD_FILES_MISSING");
}

function readFolder(folder: string): Map<string, Asset> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const assets = new Map<string, Asset>();
  for (const name of names) {
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (type === undefined) continue;
    const bytes = readFileSync(join(folder, name));
    const gzip = names.includes(`${name}.gz`) ? readFileSync(join(folder, `${name}.gz`)) : undefined;
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    assets.set(name, { type, bytes, gzip, isHashed: /-[\w-]{8,}\.\w+$/.test(name), etag });
  }
  return assets;
}

/** The files of the page, in memory from the first request on. */
export class Assets {
  readonly #folder: string | undefined;
  #files: ReadonlyMap<string, Asset> | undefined;

  /** @param folder default: the folder in this package */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  /** @throws DashboardError `DASHBOARD_FILES_MISSING` */
  has(name: string): boolean {
    this.#files ??= readFolder(this.#folder ?? findFolder());
    return this.#files.has(name);
  }

  /** Answers with a file that is there. */
  send(name: string, status: number, { req, res }: { req: IncomingMessage; res: ServerResponse }): void {
    const asset = this.#files?.get(name);
    if (asset === undefined) return;
    const { type, bytes, gzip, isHashed, etag } = asset;
    const isGzip = gzip !== undefined && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(acceptedBy(req));
    res.setHeader("Cache-Control", isHashed ? "public, max-age=31536000, immutable" : "no-store");
    if (isHashed) res.setHeader("ETag", etag);
    res.setHeader("Vary", "Accept-Encoding");
    if (isHashed && req.headers["if-none-match"] === etag) return void res.writeHead(304).end();
    if (isGzip) res.setHeader("Content-Encoding", "gzip");
    const body = isGzip ? gzip : bytes;
    res.writeHead(status, { "Content-Type": type, "Content-Length": body.length });
    res.end(req.method === "HEAD" ? undefined : body);
  }
}

function acceptedBy({ headers }: IncomingMessage): string {
  const accepted = headers["accept-encoding"];
  return typeof accepted === "string" ? accepted : "";
}

/*
 * The server beside its sockets: the client's files, HTTP servers of its own, counters, OpenMetrics.
 * Knows: `node:http`, files, the report of the engine.
 * Must not know: namespaces and sockets.
 */
import { createHash } from "node:crypto";
import { promises } from "node:fs";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { join } from "node:path";
import { brotliCompress, brotliDecompress, constants, deflate, gzip } from "node:zlib";
import { chooseEncoding, corsMiddleware, type Middleware, runMiddlewares } from "../../engine/index.ts";
import type { OnFailure } from "../../base/guarded.ts";
import { findClientFiles } from "./client-folder.ts";
import type { AnyHttpServer } from "./http-server.ts";
import { createLog } from "../../base/log.ts";
import { putInFront } from "../../base/request-chain.ts";

const log = createLog("socket.io:client-files");

/** The builds of the JavaScript client. Each has a source map. */
const BUILDS = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
const FILES: ReadonlySet<string> = new Set(BUILDS.flatMap((build) => [build, `${build}.map`]));

type Compress = (bytes: Buffer, done: (error: Error | null, compressed: Buffer) => void) => void;

/** Each file is compressed once, so high quality is affordable. */
const ENCODINGS: ReadonlyMap<string, Compress> = new Map<string, Compress>([
  ["br", (bytes, done) => brotliCompress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }, done)],
  ["gzip", gzip],
  ["deflate", deflate],
]);

/** A file in one encoding. */
interface Content {
  readonly bytes: Buffer;
  /** The `ETag` of the content and its encoding. */
  readonly etag: string;
}

/** The server's settings, read for each request because the program may change them. */
interface ServingRules {
  /** Whether to serve the files. */
  isOn(): boolean;
  /** The path of the server, without a trailing slash. */
  path(): string;
  /** Called when a function in the option `cors` fails. */
  readonly onFailure: OnFailure;
  /** Finds the folder of the files. Default: the folder in this package. */
  readonly locate?: () => string | null;
}

/** Serves the files of the JavaScript client below the path of the server. */
export class ClientFiles {
  readonly #rules: ServingRules;
  readonly #cors: Middleware | undefined;
  readonly #contents: Map<string, Promise<Content>> = new Map();
  #folder: string | null | undefined;

  /** @param cors options of the `cors` package */
  constructor(rules: ServingRules, cors: unknown) {
    this.#rules = rules;
    this.#cors = cors ? corsMiddleware(cors) : undefined;
  }

  /** Answers requests for the files. Other requests still reach the HTTP server's own listeners. */
  takeRequests(httpServer: AnyHttpServer): void {
    putInFront(httpServer as HttpServer, (req, res) => this.answer(req, res));
  }

  /** Answers a request for one of the files. Returns false for any other, without writing. */
  answer(req: IncomingMessage, res: ServerResponse): boolean {
    const file = this.#fileOf(req.url ?? "");
    if (file === undefined) return false;
    const { onFailure } = this.#rules;
    // Serves the file even if a CORS delegate fails: without its headers, pages of other origins can't read it.
    if (this.#cors) runMiddlewares([this.#cors], { req, res, onFailure }, () => this.#serve(file, req, res));
    else this.#serve(file, req, res);
    return true;
  }

  #fileOf(url: string): string | undefined {
    const prefix = `${this.#rules.path()}/`;
    if (!url.startsWith(prefix) || !this.#rules.isOn()) return undefined;
    const query = url.indexOf("?");
    const file = url.slice(prefix.length, query === -1 ? undefined : query);
    return FILES.has(file) ? file : undefined;
  }

  #serve(file: string, req: IncomingMessage, res: ServerResponse): void {
    const { locate = findClientFiles } = this.#rules;
    this.#folder ??= locate();
    if (this.#folder === null) return sendMissing(res);
    const encoding = chooseEncoding(req.headers["accept-encoding"], [...ENCODINGS.keys()]);
    this.#read(join(this.#folder, file), encoding).then(
      (content) => sendContent(content, encoding, { file, req, res }),
      (error: unknown) => {
        log("client file could not be read: %s", error);
        sendMissing(res);
      },
    );
  }

  /** Returns a file in one encoding, read and compressed once. */
  #read(path: string, encoding: string | undefined): Promise<Content> {
    const key = `${encoding} ${path}`;
    let content = this.#contents.get(key);
    if (content === undefined) {
      content = readPlain(path).then((bytes) => encode(bytes, encoding));
      this.#contents.set(key, content);
      content.catch(() => this.#contents.delete(key));
    }
    return content;
  }
}

/** Reads a file. Source maps are stored compressed, because they are rarely requested and most of the package's size. */
async function readPlain(path: string): Promise<Buffer> {
  if (!path.endsWith(".map")) return promises.readFile(path);
  return run(brotliDecompress, await promises.readFile(`${path}.br`));
}

function run(compress: Compress, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    compress(bytes, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

async function encode(bytes: Buffer, encoding: string | undefined): Promise<Content> {
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  const compress = encoding === undefined ? undefined : ENCODINGS.get(encoding);
  if (compress === undefined) return { bytes, etag: `"${hash}"` };
  return { bytes: await run(compress, bytes), etag: `"${hash}-${encoding}"` };
}

/** Whether the client's cache has this content (`If-None-Match`: RFC 9110, section 13.1.2). */
function isKnown(etag: string, known: string | undefined): boolean {
  if (known === undefined) return false;
  return known.trim() === "*" || known.split(",").some((each) => each.trim().replace(/^W\//, "") === etag);
}

interface Exchange {
  readonly file: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

function sendContent({ bytes, etag }: Content, encoding: string | undefined, { file, req, res }: Exchange): void {
  res.setHeader("Cache-Control", "public, max-age=0");
  res.setHeader("ETag", etag);
  res.setHeader("Vary", [res.getHeader("Vary") ?? [], "Accept-Encoding"].flat().join(", "));
  if (isKnown(etag, req.headers["if-none-match"])) {
    if (log.enabled) log("%s: the client has it already (304)", file);
    res.writeHead(304);
    res.end();
    return;
  }
  if (log.enabled) log("serving %s, %s", file, encoding ?? "not compressed");
  res.setHeader("Content-Type", `application/${file.endsWith(".map") ? "json" : "javascript"}; charset=utf-8`);
  res.writeHead(200, encoding ? { "Content-Encoding": encoding } : {});
  res.end(bytes);
}

function sendMissing(res: ServerResponse): void {
  if (res.headersSent) return;
  res.writeHead(404, { "Content-Type": "application/json; charset=utf-8" });
  const message =
    "The client files are missing: build @portage/client, put client-dist of @portage/server beside the bundle, or set serveClient to false.";
  res.end(JSON.stringify({ code: "CLIENT_FILES_MISSING", message }));
}

import { existsSync, promises, readFileSync } from "node:fs";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { join } from "node:path";
import { brotliCompress, constants, deflate, gzip } from "node:zlib";
import { chooseEncoding, corsMiddleware, type Middleware, runMiddlewares } from "../engine/index.ts";
import type { OnFailure } from "../handler-errors.ts";
import type { AnyHttpServer } from "./http-server.ts";
import { createLog } from "../log.ts";

const log = createLog("socket.io:client-files");

/** The builds of the JavaScript client. Each comes with its source map. */
const BUILDS = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
const FILES: ReadonlySet<string> = new Set(BUILDS.flatMap((build) => [build, `${build}.map`]));

/** This package, whether it runs built or from its sources. */
const PACKAGE = join(__dirname, "../..");

type RequestListener = (req: IncomingMessage, res: ServerResponse) => void;
type Compress = (bytes: Buffer, done: (error: Error | null, compressed: Buffer) => void) => void;

/** In order of preference. Compressed once, kept: high qualities are affordable. */
const ENCODINGS: ReadonlyMap<string, Compress> = new Map<string, Compress>([
  ["br", (bytes, done) => brotliCompress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }, done)],
  ["gzip", gzip],
  ["deflate", deflate],
]);

/** Where the files are. */
interface ClientPackage {
  readonly folder: string;
  readonly version: string;
}

/** What serving needs to know; asked again for each request, because both may be changed at any time. */
interface ServingRules {
  /** Whether files are served at all. */
  isOn(): boolean;
  /** Path of the server, without a trailing slash. */
  path(): string;
  /** The option `cors` is a function, and that has failed. */
  readonly onFailure: OnFailure;
  /** Finds the files. Default: in this package. */
  readonly locate?: () => ClientPackage | null;
}

/** The files of the JavaScript client, below the path of the server. */
export class ClientFiles {
  readonly #rules: ServingRules;
  readonly #cors: Middleware | undefined;
  readonly #contents: Map<string, Promise<Buffer>> = new Map();
  #package: ClientPackage | null | undefined;

  /** @param cors options of the `cors` package */
  constructor(rules: ServingRules, cors: unknown) {
    this.#rules = rules;
    this.#cors = cors ? corsMiddleware(cors) : undefined;
  }

  /** Answers requests for the files; all others still reach the listeners that the HTTP server has. */
  takeRequests(httpServer: AnyHttpServer): void {
    const server = httpServer as HttpServer;
    const others = server.listeners("request") as RequestListener[];
    server.removeAllListeners("request");
    server.on("request", (req, res) => {
      if (this.answer(req, res)) return;
      for (const listener of others) listener.call(server, req, res);
    });
  }

  /** Answers a request for one of the files; false, with nothing written, for any other. */
  answer(req: IncomingMessage, res: ServerResponse): boolean {
    const file = this.#fileOf(req.url ?? "");
    if (file === undefined) return false;
    const { onFailure } = this.#rules;
    // Whatever a delegate says or fails with: without the headers of CORS, pages of other origins can't read the file.
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
    const { locate = findPackage } = this.#rules;
    this.#package ??= locate();
    if (this.#package === null) return sendMissing(res);
    const etag = `"${this.#package.version}"`;
    const known = req.headers["if-none-match"];
    if (known === etag || known === `W/${etag}`) {
      res.writeHead(304);
      res.end();
      return;
    }
    const encoding = chooseEncoding(req.headers["accept-encoding"], [...ENCODINGS.keys()]);
    res.setHeader("Cache-Control", "public, max-age=0");
    res.setHeader("Content-Type", `application/${file.endsWith(".map") ? "json" : "javascript"}; charset=utf-8`);
    res.setHeader("ETag", etag);
    res.setHeader("Vary", [res.getHeader("Vary") ?? [], "Accept-Encoding"].flat().join(", "));
    this.#read(join(this.#package.folder, file), encoding).then(
      (bytes) => {
        res.writeHead(200, encoding ? { "Content-Encoding": encoding } : {});
        res.end(bytes);
      },
      (error: unknown) => {
        log("client file could not be read: %s", error);
        sendMissing(res);
      },
    );
  }

  /** Reads, and perhaps compresses, a file once. */
  #read(path: string, encoding: string | undefined): Promise<Buffer> {
    const key = `${encoding} ${path}`;
    let content = this.#contents.get(key);
    if (content === undefined) {
      content = promises.readFile(path).then((bytes) => compress(bytes, encoding));
      this.#contents.set(key, content);
      content.catch(() => this.#contents.delete(key));
    }
    return content;
  }
}

function compress(bytes: Buffer, encoding: string | undefined): Promise<Buffer> | Buffer {
  const compressor = encoding === undefined ? undefined : ENCODINGS.get(encoding);
  if (compressor === undefined) return bytes;
  return new Promise((resolve, reject) => {
    compressor(bytes, (error, compressed) => (error ? reject(error) : resolve(compressed)));
  });
}

/** Finds the builds of @portage/client that this package brings along; null if they were never built. */
function findPackage(): ClientPackage | null {
  const folder = join(PACKAGE, "client-dist");
  if (!existsSync(join(folder, "socket.io.js"))) {
    log("no client files in %s", folder);
    return null;
  }
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  return { folder, version };
}

function sendMissing(res: ServerResponse): void {
  if (res.headersSent) return;
  for (const name of ["Cache-Control", "ETag"]) res.removeHeader(name);
  res.writeHead(404, { "Content-Type": "application/json; charset=utf-8" });
  const message = "The client files are missing: build @portage/client, or set serveClient to false.";
  res.end(JSON.stringify({ code: "CLIENT_FILES_MISSING", message }));
}

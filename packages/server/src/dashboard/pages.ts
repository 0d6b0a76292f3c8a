import type { IncomingMessage, ServerResponse } from "node:http";
import { type Access, cookieHeader, type NoEntry } from "./access.ts";
import {
  type PageErrorCode,
  readForm,
  sendElsewhere,
  sendPageError,
  setSafetyHeaders,
  type WebExchange,
} from "./answers.ts";
import type { Assets } from "./assets.ts";
import { DashboardError } from "./errors.ts";
import { isSameOrigin, isEncrypted } from "./local.ts";

/** What the pages use of the board. */
interface PageHost {
  /** The path of the page, without a slash at its end. */
  readonly path: string;
  readonly access: Access;
  readonly assets: Assets;
  /** Whether as many viewers are connected as there may be. */
  isFull(): boolean;
  /** Handles a request of the live door. */
  handleLive(req: IncomingMessage, res: ServerResponse): void;
}

type PageRoute = (exchange: WebExchange, rest: string) => void;

const isRead = ({ method }: IncomingMessage): boolean => method === "GET" || method === "HEAD";

/** Returns the part of a URL below a path, without the query; undefined for other URLs. */
export function restOf(url: string, path: string): string | undefined {
  const [bare = ""] = url.split(/[?#]/, 1);
  if (bare !== path && !bare.startsWith(`${path}/`)) return undefined;
  return bare.slice(path.length);
}

/** Express cuts the path of a mounted function off `url`. */
function fullUrlOf(req: IncomingMessage): string {
  const { originalUrl } = req as { originalUrl?: unknown };
  return typeof originalUrl === "string" ? originalUrl : (req.url ?? "");
}

/** Answers the HTTP requests of the page: its files, the login, and the polls of its live door. */
export class Pages {
  readonly #host: PageHost;
  readonly #routes: ReadonlyMap<string, PageRoute>;

  constructor(host: PageHost) {
    this.#host = host;
    this.#routes = new Map<string, PageRoute>([
      ["", (exchange) => sendElsewhere(exchange, 308, `${host.path.slice(host.path.lastIndexOf("/") + 1)}/`)],
      ["/", (exchange) => this.#sendPage(exchange)],
      ["/login", (exchange) => this.#login(exchange)],
      ["/logout", (exchange) => this.#logout(exchange)],
    ]);
  }

  /** Answers a request below the path. Returns false for any other, without writing. */
  answer(req: IncomingMessage, res: ServerResponse): boolean {
    const rest = restOf(fullUrlOf(req), this.#host.path);
    if (rest === undefined) return false;
    setSafetyHeaders(res);
    if (rest === "/live" || rest.startsWith("/live/")) {
      this.#host.handleLive(req, res);
      return true;
    }
    const exchange = { req, res };
    if (!this.#host.access.maySeeFiles(req)) sendPageError(exchange, "LOCAL_ONLY");
    else this.#route(exchange, rest);
    return true;
  }

  #route(exchange: WebExchange, rest: string): void {
    try {
      const route = this.#routes.get(rest);
      if (route !== undefined) route(exchange, rest);
      else this.#sendAsset(exchange, rest.slice(1));
    } catch (error) {
      if (!(error instanceof DashboardError)) throw error;
      sendPageError(exchange, "DASHBOARD_FILES_MISSING");
    }
  }

  #sendAsset(exchange: WebExchange, name: string): void {
    const { assets } = this.#host;
    // The pages themselves have addresses of their own.
    if (name.endsWith(".html") || !assets.has(name)) return sendPageError(exchange, "NOT_FOUND");
    if (!isRead(exchange.req)) return sendPageError(exchange, "METHOD", { Allow: "GET, HEAD" });
    assets.send(name, 200, exchange);
  }

  #sendPage(exchange: WebExchange): void {
    if (!isRead(exchange.req)) return sendPageError(exchange, "METHOD", { Allow: "GET, HEAD" });
    const { assets, access } = this.#host;
    // Before the answer takes a turn, so that a missing file is reported by this call.
    assets.has("index.html");
    void access.check(exchange.req).then((pass) => {
      if (exchange.res.destroyed) return;
      // A page whose door was shut asks why by a HEAD. A reload must work, since it ends the page before.
      if (typeof pass === "object" && exchange.req.method === "HEAD" && this.#host.isFull())
        sendPageError(exchange, "FULL");
      else if (typeof pass === "object") assets.send("index.html", 200, exchange);
      else this.#refuse(exchange, pass);
    });
  }

  #refuse(exchange: WebExchange, why: NoEntry): void {
    const { login } = this.#host.access;
    const page = login?.hasUser ? "login-user.html" : "login.html";
    if (why === "LOGIN_NEEDED" && this.#host.assets.has(page)) this.#host.assets.send(page, 401, exchange);
    else sendPageError(exchange, why);
  }

  /** Returns who handles forms; undefined after an answer, if the request is not a form of this server. */
  #formTaker(exchange: WebExchange): NonNullable<Access["login"]> | undefined {
    const { login } = this.#host.access;
    let code: PageErrorCode | undefined;
    if (login === undefined) code = "NOT_FOUND";
    else if (exchange.req.method !== "POST") code = "METHOD";
    else if (!isSameOrigin(exchange.req)) code = "CROSS_SITE";
    if (code === undefined) return login;
    sendPageError(exchange, code, code === "METHOD" ? { Allow: "POST" } : {});
    return undefined;
  }

  #login(exchange: WebExchange): void {
    const taker = this.#formTaker(exchange);
    if (taker === undefined) return;
    const { req, res } = exchange;
    readForm(req, (form) => {
      if (res.destroyed || res.writableEnded) return;
      if (form === undefined) return sendPageError(exchange, "BODY");
      const result = taker.open(req, { user: form.get("user") ?? "", password: form.get("password") ?? "" });
      if ("id" in result) this.#enter(exchange, result.id);
      else if (result.wait < 0) this.#refuse(exchange, "LOGIN_NEEDED");
      else sendPageError(exchange, "TOO_MANY_ATTEMPTS", { "Retry-After": String(Math.ceil(result.wait / 1000)) });
    });
  }

  #enter(exchange: WebExchange, id: string): void {
    const { req, res } = exchange;
    res.setHeader("Set-Cookie", cookieHeader(id, this.#host.path, isEncrypted(req)));
    sendElsewhere(exchange, 303, "./");
  }

  #logout(exchange: WebExchange): void {
    const taker = this.#formTaker(exchange);
    if (taker === undefined) return;
    taker.close(exchange.req);
    this.#enter(exchange, "");
  }
}

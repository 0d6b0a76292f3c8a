/*
 * How a client gets its stream: the URL, the request, redirections, the response.
 * Knows: `node:http` and `node:https`, the client's half of the opening handshake.
 * Must not know: links and sockets. It returns a stream, or an error with a code.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { clientRequest } from "./client-request.ts";
import { parseClientUrl } from "./client-url.ts";
import type { ClientUrl } from "./client-url.ts";
import { delayOf } from "../clock.ts";
import { CONNECT_FAILURES, ConnectError } from "./connect-error.ts";
import type { ConnectErrorCode, ConnectFailureCode } from "./connect-error.ts";
import { checkAnswer, checkDeflateOptions, newKey, parseExtensions, soon } from "../core/index.ts";
import type { AnswerRefusalCode, ClientOffer, DeflateOptions, DeflateSettings } from "../core/index.ts";
import { WEBSOCKET_DEFAULTS } from "../options.ts";
import type { ConnectOptions } from "../options.ts";

/** A stream after a successful opening handshake, and the negotiated parameters. */
export interface Connected {
  readonly stream: Duplex;
  /** Bytes that arrived right after the response. */
  readonly head: Buffer;
  /** The chosen subprotocol, or "". */
  readonly protocol: string;
  readonly deflate: DeflateSettings | undefined;
}

/** What an attempt to connect reports. `onConnected` and `onConnectFailed` are final. */
export interface ConnectHandler {
  /** The request is complete. The handler sends it with `request.end()`. */
  onRequest(request: ClientRequest): void;
  /** A 101 response, not checked yet. */
  onAnswer(response: IncomingMessage): void;
  /** Any other response. Returns true if the program handles it. */
  onUnexpected(request: ClientRequest, response: IncomingMessage): boolean;
  /** Whether the program inspects redirected requests, and so their headers. */
  watchesRedirects(): boolean;
  onRedirect(url: string, request: ClientRequest): void;
  onConnected(connected: Connected): void;
  onConnectFailed(error: Error): void;
}

/** Messages of refused responses, as in `ws`. */
const SENTENCES: Readonly<Record<AnswerRefusalCode, string>> = {
  WS_ERR_ANSWER_STATUS: "Unexpected server response",
  WS_ERR_ANSWER_UPGRADE: "Invalid Upgrade header",
  WS_ERR_ANSWER_CONNECTION: "Invalid Connection header",
  WS_ERR_ANSWER_ACCEPT: "Invalid Sec-WebSocket-Accept header",
  WS_ERR_ANSWER_PROTOCOL: "Server sent an invalid subprotocol",
  WS_ERR_ANSWER_EXTENSIONS: "Invalid Sec-WebSocket-Extensions header",
};

/** Headers that must not reach another origin. */
const CREDENTIALS = new Set(["authorization", "cookie"]);

/**
 * One attempt to connect as a client: the request, its redirections, the checks of its response.
 */
export class ConnectAttempt {
  readonly #handler: ConnectHandler;
  readonly #protocols: readonly string[];
  readonly #first: ClientUrl;
  #options: ConnectOptions;
  #url: ClientUrl;
  readonly #deflate: DeflateOptions | undefined;
  #isOver = false;
  #request: ClientRequest | undefined = undefined;
  #offer: ClientOffer = { key: "" };
  #redirects = 0;
  #timer: { cancel(): void } | undefined = undefined;

  constructor(url: ClientUrl, protocols: readonly string[], options: ConnectOptions, handler: ConnectHandler) {
    this.#handler = handler;
    this.#protocols = protocols;
    this.#first = url;
    this.#options = options;
    this.#url = url;
    this.#deflate = checkDeflateOptions(options.perMessageDeflate);
  }

  /** The URL of the current request, after redirections. */
  get url(): string {
    return this.#url.href;
  }

  get request(): ClientRequest | undefined {
    return this.#request;
  }

  get redirects(): number {
    return this.#redirects;
  }

  /** Sends the request. */
  start(): void {
    const deflate = this.#deflate;
    this.#offer = { key: newKey(), protocols: this.#protocols, ...(deflate && { deflate }) };
    const request = clientRequest(this.#url, this.#options, this.#offer);
    this.#request = request;
    this.#startTimer();
    request.on("error", (error) => this.#isCurrent(request) && this.#fail(error));
    request.on("response", (response) => this.#isCurrent(request) && this.#onResponse(request, response));
    request.on("upgrade", (response, stream: Duplex, head) => this.#onUpgrade(request, response, { stream, head }));
    if (this.#redirects > 0) this.#handler.onRedirect(this.#url.href, request);
    if (this.#isCurrent(request)) this.#handler.onRequest(request);
  }

  /** Gives up. Reports the failure in the next tick. */
  abort(code: ConnectFailureCode, message: string = CONNECT_FAILURES[code].message): void {
    this.#giveUp(code, message);
  }

  #giveUp(code: ConnectErrorCode, message: string): void {
    if (this.#isOver) return;
    const request = this.#request;
    this.#end();
    request?.destroy();
    soon((error) => this.#handler.onConnectFailed(error), new ConnectError(code, message));
  }

  #isCurrent(request: ClientRequest): boolean {
    return !this.#isOver && this.#request === request;
  }

  /** Releases the request, which the connection outlives. */
  #end(): void {
    this.#isOver = true;
    this.#request = undefined;
    this.#timer?.cancel();
  }

  #fail(error: Error): void {
    this.#end();
    this.#handler.onConnectFailed(error);
  }

  #startTimer(): void {
    const { handshakeTimeout, clock } = this.#options;
    const timeout = delayOf(handshakeTimeout, 0);
    this.#timer?.cancel();
    if (timeout === 0) return;
    this.#timer = (clock || WEBSOCKET_DEFAULTS.clock).after(timeout, () => this.abort("WS_ERR_CONNECT_TIMEOUT"));
  }

  #onResponse(request: ClientRequest, response: IncomingMessage): void {
    const { statusCode: status = 0, headers } = response;
    const isRedirection = status >= 300 && status < 400 && headers.location !== undefined;
    if (isRedirection && this.#options.followRedirects) return this.#redirect(headers.location!);
    if (this.#handler.onUnexpected(request, response)) return;
    this.#giveUp("WS_ERR_ANSWER_STATUS", `Unexpected server response: ${status}`);
  }

  #redirect(location: string): void {
    if (!(++this.#redirects <= maxRedirectsOf(this.#options))) {
      return this.abort("WS_ERR_CONNECT_REDIRECTS");
    }
    const former = this.#request!;
    this.#request = undefined;
    former.destroy();
    try {
      this.#url = parseClientUrl(resolve(location, this.#url.href));
      this.#options = this.#optionsAfterRedirect();
    } catch (error) {
      return this.#fail(error as Error);
    }
    this.start();
  }

  /**
   * Drops credentials on a redirect to another host or from TLS to plain text,
   * unless a listener decides.
   */
  #optionsAfterRedirect(): ConnectOptions {
    const url = this.#url;
    const first = this.#first;
    const options = this.#options;
    const isSameHost = url.host === first.host && url.port === first.port && url.socketPath === first.socketPath;
    const isDowngrade = first.isSecure && !url.isSecure;
    // User and password of the first URL go to its host only.
    const auth = options.auth ?? first.auth;
    if (this.#handler.watchesRedirects() || (isSameHost && !isDowngrade)) return { ...options, auth };
    const headers = Object.entries((options.headers ?? {}) as Record<string, string>).filter(
      ([name]) => !CREDENTIALS.has(name.toLowerCase()) && (isSameHost || name.toLowerCase() !== "host"),
    );
    return { ...options, auth: undefined, headers: Object.fromEntries(headers) };
  }

  #onUpgrade(request: ClientRequest, response: IncomingMessage, upgraded: { stream: Duplex; head: Buffer }): void {
    const { stream, head } = upgraded;
    stream.on("error", ignore);
    if (!this.#isCurrent(request)) return void stream.destroy();
    this.#handler.onAnswer(response);
    // The listener may have closed the socket.
    if (!this.#isCurrent(request)) return void stream.destroy();
    const check = checkAnswer(response, this.#offer);
    const failure = check.ok ? this.#missing(check.protocol) : check.code;
    if (!check.ok || failure !== undefined) {
      stream.destroy();
      return this.#giveUp(failure!, this.#sentence(failure!, response));
    }
    this.#end();
    const deflate = check.deflate && { params: check.deflate, options: this.#deflate! };
    this.#handler.onConnected({ stream, head, protocol: check.protocol, deflate });
    stream.removeListener("error", ignore);
  }

  /**
   * Refuses a response without a subprotocol if the client requested some. The
   * protocol itself allows it.
   */
  #missing(protocol: string): AnswerRefusalCode | undefined {
    return this.#protocols.length > 0 && protocol === "" ? "WS_ERR_ANSWER_PROTOCOL" : undefined;
  }

  #sentence(code: AnswerRefusalCode, { headers }: IncomingMessage): string {
    if (code === "WS_ERR_ANSWER_PROTOCOL") {
      if (this.#protocols.length === 0) return "Server sent a subprotocol but none was requested";
      const isMissing = headers["sec-websocket-protocol"] === undefined;
      return isMissing ? "Server sent no subprotocol" : "Server sent an invalid subprotocol";
    }
    if (code === "WS_ERR_ANSWER_EXTENSIONS") {
      const header = "Sec-WebSocket-Extensions header";
      if (this.#deflate === undefined) return `Server sent a ${header} but no extension was requested`;
      const extensions = parseExtensions(headers["sec-websocket-extensions"] ?? "") ?? [];
      const isOther = extensions.some(({ name }) => name !== "permessage-deflate");
      return isOther ? "Server indicated an extension that was not requested" : `Invalid ${header}`;
    }
    return SENTENCES[code];
  }
}

/**
 * Reads `maxRedirects`. A value that is not a number means unlimited in `ws`,
 * but redirects need a limit.
 */
function maxRedirectsOf(options: ConnectOptions): number {
  const { maxRedirects }: { maxRedirects?: unknown } = options;
  const limit = maxRedirects === undefined ? NaN : Number(maxRedirects);
  return Number.isNaN(limit) ? WEBSOCKET_DEFAULTS.maxRedirects : limit;
}

function resolve(location: string, base: string): URL {
  try {
    return new URL(location, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${location}`);
  }
}

function ignore(): void {}

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Http2ServerResponse, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import {
  type AcceptOptions,
  acceptConnect,
  acceptUpgrade,
  checkConnect,
  checkUpgrade,
  refuseConnect,
  refuseUpgrade,
  type UpgradeRefusal,
  type WebSocketLink,
} from "@portage/websocket";
import { type HeldResponse, holdConnectResponse, UpgradeResponse } from "../http/middleware.ts";
import type { ForeignWebSocket, ForeignWebSocketServer } from "../transports/engine-link.ts";

/** Answers the CONNECT of HTTP/2 with a status and headers; its body is written to the stream. */
export type RespondToConnect = (
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
) => void;

/** The connection of a handshake that something else answers. */
export interface TakenStream {
  /** The connection of the client. */
  readonly stream: Duplex;
  /** Bytes that arrived after the request. */
  readonly head: Buffer;
  /** For HTTP/2: must be called before anything is written. Undefined for HTTP/1.1, whose answer is bytes. */
  readonly respond?: RespondToConnect;
}

type HandshakeCheck = { readonly ok: true } | UpgradeRefusal;
type CheckOptions = Pick<AcceptOptions, "perMessageDeflate">;

/** A WebSocket handshake as one version of HTTP carries it. */
export interface StreamHandshake {
  /** The connection of the client. */
  readonly stream: Duplex;
  /** The body of a refusal. Clients of HTTP/1.1 get the text that engine.io sends. */
  readonly refusalBody: "text" | "json";
  /** Whether the client has left. */
  isGone(): boolean;
  /** Checks the headers of the handshake. */
  check(req: IncomingMessage, options: CheckOptions): HandshakeCheck;
  /** Answers the handshake. Throws if a response header is invalid. */
  accept(req: IncomingMessage, options: AcceptOptions): WebSocketLink;
  /** Answers with a refusal, and ends the connection. */
  refuse(status: number, body: string, headers: OutgoingHttpHeaders): void;
  /** Returns the response for middlewares; undefined if the stream can't be answered now. */
  hold(req: IncomingMessage): HeldResponse | undefined;
  /** Gives the connection away; nothing else of the handshake may be used afterwards. */
  takeOver(): TakenStream;
  /** Passes the handshake to another library. Returns false if that one can't take it. */
  passTo(
    server: ForeignWebSocketServer,
    req: IncomingMessage,
    onWebSocket: (webSocket: ForeignWebSocket) => void,
  ): boolean;
}

/** The handshake of HTTP/1.1: an `upgrade` event. */
export class UpgradeHandshake implements StreamHandshake {
  readonly refusalBody = "text";
  readonly stream: Duplex;
  readonly #head: Buffer;

  constructor(stream: Duplex, head: Buffer) {
    this.stream = stream;
    this.#head = head;
  }

  isGone(): boolean {
    return this.stream.destroyed;
  }

  check(req: IncomingMessage, options: CheckOptions): HandshakeCheck {
    return checkUpgrade(req, options);
  }

  accept(req: IncomingMessage, options: AcceptOptions): WebSocketLink {
    return acceptUpgrade(req, this.stream, this.#head, options);
  }

  refuse(status: number, body: string, headers: OutgoingHttpHeaders): void {
    refuseUpgrade(this.stream, status, body, headers);
  }

  hold(req: IncomingMessage): HeldResponse | undefined {
    return UpgradeResponse.over(this.stream, req);
  }

  takeOver(): TakenStream {
    return { stream: this.stream, head: this.#head };
  }

  passTo(
    server: ForeignWebSocketServer,
    req: IncomingMessage,
    onWebSocket: (webSocket: ForeignWebSocket) => void,
  ): boolean {
    server.handleUpgrade(req, this.stream, this.#head, onWebSocket);
    return true;
  }
}

const NO_BYTES = Buffer.alloc(0);

/** The handshake of HTTP/2: an extended CONNECT (RFC 8441). */
export class ConnectHandshake implements StreamHandshake {
  readonly refusalBody = "json";
  readonly #res: ServerResponse | Http2ServerResponse;

  constructor(res: ServerResponse | Http2ServerResponse) {
    this.#res = res;
  }

  get stream(): ServerHttp2Stream {
    return (this.#res as Http2ServerResponse).stream;
  }

  isGone(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }

  check(req: IncomingMessage, options: CheckOptions): HandshakeCheck {
    return checkConnect(req, options);
  }

  accept(req: IncomingMessage, options: AcceptOptions): WebSocketLink {
    return acceptConnect(req, this.stream, options);
  }

  refuse(status: number, body: string, headers: OutgoingHttpHeaders): void {
    refuseConnect(this.stream, status, body, headers);
  }

  hold(): HeldResponse {
    return holdConnectResponse(this.#res as ServerResponse);
  }

  takeOver(): TakenStream {
    const { stream } = this;
    const respond: RespondToConnect = (status, headers) => {
      if (!this.isGone()) stream.respond({ ":status": status, ...headers });
    };
    return { stream, head: NO_BYTES, respond };
  }

  passTo(
    server: ForeignWebSocketServer,
    req: IncomingMessage,
    onWebSocket: (webSocket: ForeignWebSocket) => void,
  ): boolean {
    server.handleConnect?.(req, this.#res, onWebSocket);
    return server.handleConnect !== undefined;
  }
}

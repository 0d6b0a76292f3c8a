import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import { Server as SecureServer } from "node:https";
import type { Duplex } from "node:stream";
import type { TlsOptions } from "node:tls";
import type { Clock, PendingCall } from "@portage/server/relay";
import { acceptUpgrade, checkUpgrade, refuseUpgrade, type WebSocketLink as Connection } from "@portage/websocket";
import type { LinkRefusalCode } from "../core/errors.ts";
import {
  type Identity,
  identityHeaders,
  identityOf,
  isNonce,
  isSameVersion,
  type LinkKeys,
  makeNonce,
  makeProof,
  type ProofTerms,
  verifyProof,
} from "./handshake.ts";
import type { LinkKind } from "./link.ts";
import { CONNECTION_OPTIONS } from "./websocket-link.ts";

/** Receives the nodes that dial this one. */
export interface DoorHandler {
  /** Whether a link to the node may open now. It has proved that it belongs to the cluster. */
  admits(node: Identity): boolean;
  onDialled(node: Identity, connection: Connection, kind: LinkKind): void;
  onStranger(code: LinkRefusalCode, tag: string | undefined): void;
}

export interface DoorSettings {
  readonly self: Identity;
  readonly keys: LinkKeys;
  /** How nodes reach it. */
  readonly kind: LinkKind;
  readonly tls?: TlsOptions | undefined;
}

const HTTP_LIMITS = {
  maxHeaderSize: 4096,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
} as const;

/** Most connections at a time: more than the nodes of a cluster, and few enough for a process's file descriptors. */
const MAX_CONNECTIONS = 1024;

/** Listens for other nodes, and checks their handshakes. */
export class Door {
  readonly #settings: DoorSettings;
  readonly #handler: DoorHandler;
  readonly #server: Server | SecureServer;
  readonly #nonces = new WeakMap<Duplex, string>();
  /** End connections that do not become links. */
  readonly #limits = new WeakMap<Duplex, PendingCall>();

  constructor(settings: DoorSettings, handler: DoorHandler) {
    this.#settings = settings;
    this.#handler = handler;
    const { tls } = settings;
    this.#server = tls === undefined ? new Server(HTTP_LIMITS) : new SecureServer({ ...tls, ...HTTP_LIMITS });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on("request", (req, res) => this.#onRequest(req, res));
    this.#server.on("upgrade", (req: IncomingMessage, stream, head) => this.#onUpgrade(req, stream, head));
  }

  /** Listens. Calls back once, with the error if that failed. Does not keep the process alive. */
  listen(where: { path: string } | { host: string; port: number }, done: (error: Error | undefined) => void): void {
    const server = this.#server;
    const onError = (error: Error): void => done(error);
    server.once("error", onError);
    // A worker of node:cluster would share the socket with the others.
    server.listen({ ...where, exclusive: true }, () => {
      server.removeListener("error", onError);
      server.on("error", ignoreDoorError);
      done(undefined);
    });
    server.unref();
  }

  /** Takes a connection that no socket has brought. */
  take(stream: Duplex, clock: Clock): void {
    // A server that does not listen has no timers.
    const limit = clock.after(HTTP_LIMITS.requestTimeout, () => stream.destroy());
    this.#limits.set(stream, limit);
    stream.once("close", () => limit.cancel());
    this.#server.emit("connection", stream);
  }

  /** The TCP port that it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The first request: names the nodes, and challenges. */
  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    const { self } = this.#settings;
    const answer = (status: number, code?: LinkRefusalCode): void => {
      if (code !== undefined) this.#handler.onStranger(code, identityOf(req.headers)?.tag);
      const nonce = makeNonce();
      this.#nonces.set(req.socket, nonce);
      res.writeHead(status, { ...identityHeaders(self), "portage-nonce": nonce, "content-length": 0 });
      res.end();
    };
    // Programs that are not nodes get the same answer as nodes without a proof.
    if (identityOf(req.headers) === undefined) answer(401, "LINK_MALFORMED");
    else if (!isSameVersion(req.headers)) answer(426, "LINK_VERSION");
    else answer(401);
  }

  #onUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void {
    const node = identityOf(req.headers);
    const check = checkUpgrade(req);
    if (node === undefined || !check.ok) return this.#refuse(stream, 401, "LINK_MALFORMED");
    if (!isSameVersion(req.headers)) return this.#refuse(stream, 426, "LINK_VERSION", node.tag);
    const keys = this.#settings.keys();
    if (keys.length === 0) return refuseUpgrade(stream, 503);
    const terms = this.#termsOf(req, stream, node);
    const key = terms && verifyProof(keys, "dialler", terms, req.headers["portage-proof"]);
    if (terms === undefined || key === undefined) return this.#refuse(stream, 401, "LINK_SECRET", node.tag);
    if (!this.#handler.admits(node)) return refuseUpgrade(stream, 409);
    this.#limits.get(stream)?.cancel();
    const headers = [`portage-proof: ${makeProof(key, "listener", terms)}`];
    const connection = acceptUpgrade(req, stream, head, { ...CONNECTION_OPTIONS, headers });
    this.#handler.onDialled(node, connection, this.#settings.kind);
  }

  #refuse(stream: Duplex, status: number, code: LinkRefusalCode, tag?: string): void {
    this.#handler.onStranger(code, tag);
    refuseUpgrade(stream, status, code);
  }

  /** A nonce is valid once. */
  #termsOf(req: IncomingMessage, stream: Duplex, dialler: Identity): ProofTerms | undefined {
    const listenerNonce = this.#nonces.get(stream);
    this.#nonces.delete(stream);
    const diallerNonce = req.headers["portage-nonce"];
    if (listenerNonce === undefined || !isNonce(diallerNonce)) return undefined;
    return { dialler, listener: this.#settings.self, diallerNonce, listenerNonce };
  }
}

function ignoreDoorError(): void {}

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Faults of a proxy. */
export interface Faults {
  /** The servers behind the proxy, which get requests in turn. */
  readonly upstreams: readonly number[];
  /** Sends a client to the server that the cookie `SERVERID` names. */
  readonly isStickyByCookie?: boolean;
  /** WebSocket handshakes reach the server as common requests. */
  readonly stripsUpgrade?: boolean;
  /** WebSocket handshakes are answered with this status. */
  readonly upgradeStatus?: number;
  /** Nothing passes through a WebSocket once it is open. */
  readonly isDeafAfterUpgrade?: boolean;
  /** Cuts WebSockets after this many bytes from the client. */
  readonly messageLimit?: number;
  /** Delay of bodies in answers to GET requests, in milliseconds. */
  readonly holdsAnswers?: number;
  /** Drops the answers of polls that had to wait. */
  readonly swallowsPolls?: boolean;
  /** Cuts connections without traffic after this time, in milliseconds. */
  readonly idle?: number;
  /** Larger bodies are answered with 413, or end the connection. Bytes. */
  readonly bodyLimit?: number;
  readonly cutsLargeBodies?: boolean;
  /** All requests are answered with this status and page. */
  readonly page?: readonly [status: number, body: string];
  readonly redirectsTo?: string;
  /** Changes the path on its way to the server. */
  readonly rewrite?: (path: string) => string;
  /** Changes the headers of answers. */
  readonly headers?: (headers: Record<string, string | string[] | undefined>) => void;
}

/** A proxy with faults, between clients and a server. */
export class Proxy {
  readonly #faults: Faults;
  readonly #http = createServer();
  readonly #streams = new Set<Duplex>();
  #turn = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
    this.#http.on("request", (req, res) => this.#onRequest(req, res));
    this.#http.on("upgrade", (req: IncomingMessage, stream: Socket, head) => this.#onUpgrade(req, stream, head));
    this.#http.on("connection", (stream) => this.#keep(stream));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #keep(stream: Duplex): void {
    this.#streams.add(stream);
    stream.on("error", () => undefined);
    stream.once("close", () => this.#streams.delete(stream));
  }

  #choose(req: IncomingMessage): number {
    const { upstreams, isStickyByCookie } = this.#faults;
    const named = Number(/SERVERID=(\d+)/.exec(req.headers.cookie ?? "")?.[1]);
    const index = isStickyByCookie && named < upstreams.length ? named : this.#turn++ % upstreams.length;
    return index;
  }

  #path(req: IncomingMessage): string {
    const path = req.url ?? "/";
    return this.#faults.rewrite?.(path) ?? path;
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    const { page, redirectsTo, bodyLimit = Infinity } = this.#faults;
    if (page) return void res.writeHead(page[0], { "content-type": "text/html", server: "wrong/1.0" }).end(page[1]);
    if (redirectsTo) return void res.writeHead(301, { location: redirectsTo + (req.url ?? "") }).end();
    if (Number(req.headers["content-length"]) > bodyLimit) {
      if (this.#faults.cutsLargeBodies) return void req.socket.destroy();
      return void res.writeHead(413, { server: "wrong/1.0", connection: "close" }).end("too large");
    }
    this.#forward(req, res);
  }

  #forward(req: IncomingMessage, res: ServerResponse): void {
    const { isStickyByCookie, idle, upstreams } = this.#faults;
    const index = this.#choose(req);
    const started = performance.now();
    const { url: _url, method, headers } = req;
    const upstream = request(
      { host: "127.0.0.1", port: upstreams[index], path: this.#path(req), method, headers, agent: false },
      (answer) => {
        const all = { ...answer.headers };
        if (isStickyByCookie) all["set-cookie"] = [`SERVERID=${index}; path=/`];
        this.#faults.headers?.(all);
        // On the loopback, only a waiting poll takes that long.
        const hasWaited = /[?&]sid=/.test(req.url ?? "") && method === "GET" && performance.now() - started > 40;
        if (this.#faults.swallowsPolls && hasWaited) answer.resume();
        else this.#answer(answer, res.writeHead(answer.statusCode ?? 500, all));
      },
    );
    upstream.on("error", () => res.destroyed || res.writeHead(502, { server: "wrong/1.0" }).end("Bad Gateway"));
    res.once("close", () => upstream.destroy());
    if (idle !== undefined) {
      const timer = setTimeout(() => res.writeHead(504).end("Gateway Timeout"), idle);
      upstream.once("response", () => clearTimeout(timer));
    }
    req.pipe(upstream);
  }

  #answer(answer: IncomingMessage, res: ServerResponse): void {
    const { holdsAnswers } = this.#faults;
    if (holdsAnswers === undefined || res.req.method !== "GET") return void answer.pipe(res);
    res.flushHeaders();
    setTimeout(() => answer.pipe(res), holdsAnswers);
  }

  #onUpgrade(req: IncomingMessage, stream: Socket, head: Buffer): void {
    const { page, upgradeStatus = page?.[0], upstreams, stripsUpgrade } = this.#faults;
    this.#keep(stream);
    if (upgradeStatus !== undefined) {
      return void stream.end(`HTTP/1.1 ${upgradeStatus} No\r\nServer: wrong/1.0\r\nContent-Length: 2\r\n\r\nno`);
    }
    const upstream = connect(upstreams[this.#choose(req)] as number, "127.0.0.1");
    this.#keep(upstream);
    const lines = [`GET ${this.#path(req)} HTTP/1.1`];
    for (let i = 0; i < req.rawHeaders.length; i += 2) {
      const name = req.rawHeaders[i] as string;
      const isStripped = stripsUpgrade && /^(upgrade|connection)$/i.test(name);
      lines.push(isStripped ? "X-Stripped: 1" : `${name}: ${req.rawHeaders[i + 1]}`);
    }
    if (stripsUpgrade) lines.push("Connection: close");
    upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
    upstream.write(head);
    this.#join(stream, upstream);
  }

  #join(stream: Socket, upstream: Socket): void {
    const { idle, messageLimit = Infinity, isDeafAfterUpgrade } = this.#faults;
    const cut = (): void => {
      stream.destroy();
      upstream.destroy();
    };
    let count = 0;
    stream.on("data", (chunk) => {
      count += chunk.length;
      if (count > messageLimit) return cut();
      if (!isDeafAfterUpgrade) upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      const end = chunk.indexOf("\r\n\r\n");
      // Passes only the answer to the handshake from the server.
      if (!isDeafAfterUpgrade) stream.write(chunk);
      else if (end !== -1) stream.write(chunk.subarray(0, end + 4));
    });
    for (const each of [stream, upstream]) {
      each.once("close", cut);
      if (idle !== undefined) each.setTimeout(idle, cut);
    }
  }
}

import { connect, type ClientHttp2Session } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Context, Step } from "../context.ts";
import { type Facts, type Finding, finding } from "../finding.ts";

/** What the server does with HTTP/2, which browsers speak under TLS only, and with WebSockets on it (RFC 8441). */
export const http2: Step = {
  name: "http2",
  title: "Opening a WebSocket over HTTP/2",
  needs: "websocket",
  applies: (context) => context.isSecure,
  run(context) {
    return new Promise((resolve) => {
      const examination = new Examination(context, (findings) => resolve(findings));
      examination.start();
    });
  },
};

/** One connection, which offers HTTP/2 and HTTP/1.1, as browsers do. */
class Examination {
  readonly #context: Context;
  readonly #resolve: (findings: readonly Finding[]) => void;
  readonly #socket: TLSSocket;
  readonly #timer: { cancel(): void };
  #session: ClientHttp2Session | undefined = undefined;

  constructor(context: Context, resolve: (findings: readonly Finding[]) => void) {
    const { clock, host, port } = context;
    this.#context = context;
    this.#resolve = resolve;
    this.#timer = clock.after(context.timeout, () => this.#settle("HTTP2_FAILED", { failure: "timeout" }));
    this.#socket = connectTls({
      host,
      port,
      servername: /^[\d.]+$|:/.test(host) ? "" : host,
      ALPNProtocols: ["h2", "http/1.1"],
      // The certificate has its own step.
      rejectUnauthorized: false,
    });
  }

  start(): void {
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.once("secureConnect", () => {
      if (this.#socket.alpnProtocol === "h2") this.#speak();
      else this.#settle("HTTP2_OFF");
    });
  }

  #speak(): void {
    const session = connect(this.#context.url.origin, { createConnection: () => this.#socket });
    this.#session = session;
    session.on("error", (error) => this.#fail(error));
    session.once("close", () => this.#settle("HTTP2_FAILED", { failure: "the connection ends" }));
    session.once("remoteSettings", ({ enableConnectProtocol }) => {
      if (enableConnectProtocol === true) this.#openWebSocket(session);
      else this.#settle("HTTP2_OK");
    });
  }

  #openWebSocket(session: ClientHttp2Session): void {
    const { clock, cookie, headers, origin } = this.#context;
    const { pathname, search } = this.#context.target({ transport: "websocket" });
    const started = clock.now();
    const stream = session.request({
      ...headers,
      ...(cookie !== undefined && { cookie }),
      ...(origin !== undefined && { origin }),
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": pathname + search,
      "sec-websocket-version": "13",
    });
    stream.on("error", (error) => this.#refuse(error.message));
    stream.once("close", () => this.#refuse("a reset"));
    stream.once("response", ({ ":status": status }) => {
      if (status === 200) this.#settle("HTTP2_WEBSOCKET_OK", { ms: Math.round(clock.now() - started) });
      else this.#refuse(`status ${status}`);
    });
  }

  #refuse(failure: string): void {
    this.#settle("HTTP2_WEBSOCKET_REFUSED", { failure });
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#settle("HTTP2_FAILED", { failure: error.code ?? error.message });
  }

  /** The first call counts. */
  #settle(code: Parameters<typeof finding>[0], facts: Facts = {}): void {
    this.#resolve([finding(code, facts)]);
    this.#timer.cancel();
    this.#session?.destroy();
    this.#socket.destroy();
  }
}

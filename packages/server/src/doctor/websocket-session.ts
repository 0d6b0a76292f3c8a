import type { IncomingMessage } from "node:http";
import { decodePacketV4, type EnginePacket } from "@portage/parser/engine";
import { WebSocket } from "@portage/websocket";
import type { Context } from "./context.ts";
import type { Reply } from "./request.ts";

/** The end of a connection. The code is 1006 without a close frame. */
export interface Ending {
  readonly code: number;
  /** Milliseconds since the last message. */
  readonly quietFor: number;
}

/** A session over WebSocket, read packet by packet. */
export class WebSocketSession {
  readonly socket: WebSocket;
  /** The duration of the handshake, in milliseconds. */
  openedAfter = 0;
  /** The HTTP version of the handshake as it reached the server; undefined if the server does not send it. */
  handshakeVersion: string | undefined = undefined;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<Ending>;
  readonly #context: Context;
  readonly #packets: EnginePacket[] = [];
  #onChange: () => void = () => undefined;
  #lastTraffic: number;

  private constructor(context: Context, socket: WebSocket) {
    this.#context = context;
    this.socket = socket;
    this.#lastTraffic = context.clock.now();
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onMessage(isBinary ? data : data.toString()));
    this.ended = new Promise((resolve) => {
      socket.on("close", (code: number) => {
        resolve({ code, quietFor: context.clock.now() - this.#lastTraffic });
        this.#onChange();
      });
    });
  }

  /** Opens a session. Resolves with the response instead if the handshake fails. */
  static open(context: Context, query: Readonly<Record<string, string>> = {}): Promise<WebSocketSession | Reply> {
    const { clock, origin, cookie } = context;
    const url = context.target({ transport: "websocket", ...query });
    url.protocol = context.isSecure ? "wss:" : "ws:";
    const started = clock.now();
    const since = (): number => Math.round(clock.now() - started);
    const socket = new WebSocket(url, {
      headers: { ...context.headers, ...(cookie !== undefined && { Cookie: cookie }) },
      ...(origin !== undefined && { origin }),
      handshakeTimeout: context.timeout,
      perMessageDeflate: true,
      rejectUnauthorized: false,
      agent: false,
    });
    // Before the response, since the open packet may arrive together with it.
    const session = new WebSocketSession(context, socket);
    return new Promise((resolve) => {
      const failed = (failure: string): void => resolve(noReply(failure, since()));
      socket.on("error", (error: NodeJS.ErrnoException) => failed(reasonOf(error)));
      socket.on("unexpected-response", (request: { destroy(): void }, response: IncomingMessage) => {
        readReply(response, since()).then(resolve, () => failed("the answer broke off"));
        response.once("close", () => request.destroy());
      });
      socket.on("upgrade", ({ headers }: IncomingMessage) => {
        session.handshakeVersion = headers["x-handshake-version"] as string | undefined;
      });
      socket.on("open", () => {
        session.openedAfter = since();
        resolve(session);
      });
    });
  }

  /** Resolves with the next wanted packet, or undefined after `timeout` milliseconds. */
  async next(
    wanted: (packet: EnginePacket) => boolean,
    timeout = this.#context.timeout,
  ): Promise<EnginePacket | undefined> {
    const { clock } = this.#context;
    let isLate = false;
    const timer = clock.after(timeout, () => {
      isLate = true;
      this.#onChange();
    });
    try {
      for (;;) {
        const packet = this.#packets.shift();
        if (packet !== undefined && wanted(packet)) return packet;
        if (packet !== undefined) continue;
        if (isLate || this.socket.readyState !== WebSocket.OPEN) return undefined;
        await new Promise<void>((resolve) => (this.#onChange = resolve));
      }
    } finally {
      timer.cancel();
    }
  }

  /** Sends an encoded packet. */
  send(packet: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(packet);
  }

  /** Whether a WebSocket ping is answered. */
  async echoes(): Promise<boolean> {
    const { clock, timeout } = this.#context;
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.ping();
    return new Promise((resolve) => {
      const timer = clock.after(timeout, () => resolve(false));
      const settle = (echoed: boolean): void => {
        timer.cancel();
        resolve(echoed);
      };
      this.socket.once("pong", () => settle(true));
      this.socket.once("close", () => settle(false));
    });
  }

  close(): void {
    this.socket.close();
    this.socket.terminate();
  }

  #onMessage(data: string | Buffer): void {
    this.#lastTraffic = this.#context.clock.now();
    let packet: EnginePacket;
    try {
      packet = decodePacketV4(data);
    } catch {
      // Not an Engine.IO packet, so it shows nothing about the path to the server.
      return;
    }
    if (packet.type === "ping") this.send("3");
    else this.#packets.push(packet);
    this.#onChange();
  }
}

function noReply(failure: string, endAfter: number): Reply {
  return { status: 0, failure, headers: {}, text: "", headAfter: 0, endAfter };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code === "WS_ERR_CONNECT_TIMEOUT" ? "timeout" : error.message || (error.code ?? "unknown");
}

async function readReply(response: IncomingMessage, headAfter: number): Promise<Reply> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) if (text.length < 10_000) text += chunk.toString();
  const { statusCode = 0, headers } = response;
  return { status: statusCode, failure: undefined, headers, text, headAfter, endAfter: headAfter };
}

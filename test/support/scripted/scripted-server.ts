import type { AddressInfo } from "node:net";
import type * as portage from "@portage/websocket";
import * as ws from "ws";
import { Inbox } from "../waiting.ts";

// Its own typings are not installed; ours describe the same.
const { WebSocketServer } = ws as unknown as typeof portage;
type WebSocket = portage.WebSocket;
type WebSocketServer = portage.WebSocketServer;

/** One client's connection to a {@link ScriptedServer}, after the handshake of the engine. */
export class ScriptedConnection {
  readonly #socket: WebSocket;
  readonly #messages = new Inbox<string>("a message of the client");
  /** Engine packets of the client, oldest first; bytes in hexadecimal, after `b:`. */
  readonly received: string[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? `b:${data.toString("hex")}` : data.toString();
      this.received.push(message);
      this.#messages.push(message);
    });
    this.send('0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
  }

  /** Sends engine packets: text, or bytes. */
  send(...packets: (string | Uint8Array)[]): void {
    for (const packet of packets) this.#socket.send(packet);
  }

  /** Returns the oldest unread message. */
  next(): Promise<string> {
    return this.#messages.next();
  }

  /** Reads the CONNECT of a namespace and accepts the client. */
  async accept(sid = "abc", more: object = {}): Promise<void> {
    const connect = await this.#messages.find((message) => message.startsWith("40"));
    const nsp = /^40(\/[^,]*,)?/.exec(connect)?.[1] ?? "";
    this.send(`40${nsp}${JSON.stringify({ sid, ...more })}`);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  cut(): void {
    this.#socket.terminate();
  }
}

/** An Engine.IO server over WebSocket that sends only what a test scripts. */
export class ScriptedServer {
  readonly #server: WebSocketServer;
  readonly #connections = new Inbox<ScriptedConnection>("a connection");
  readonly all: ScriptedConnection[] = [];
  readonly url: string;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => {
      const connection = new ScriptedConnection(socket);
      this.all.push(connection);
      this.#connections.push(connection);
    });
  }

  static async listen(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    return new ScriptedServer(server);
  }

  /** Returns the oldest connection not returned yet. */
  connection(): Promise<ScriptedConnection> {
    return this.#connections.next();
  }

  /** Closes the server; repeated calls have no effect. */
  async stop(): Promise<void> {
    for (const connection of this.all) connection.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

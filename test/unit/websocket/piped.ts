import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "../../../packages/websocket/src/server/websocket-server.ts";
import { WebSocket } from "../../../packages/websocket/src/websocket.ts";
import type { ClientOptions } from "@portage/websocket";
import type { ServerOptions } from "../../../packages/websocket/src/server/server-options.ts";
import { nextEvent } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { duplexPair } from "./duplex-pair.ts";

/** A client and a server joined in memory, both open. */
export class Piped {
  readonly clock = new FakeClock();
  readonly server: WebSocketServer;
  readonly client: WebSocket;
  readonly streams: readonly [client: Duplex, server: Duplex];
  peer: WebSocket | undefined = undefined;

  constructor(options: { server?: ServerOptions; client?: ClientOptions; protocols?: string[] } = {}) {
    const http = createServer();
    this.server = new WebSocketServer({ server: http, clock: this.clock, ...options.server });
    this.server.on("connection", (socket) => (this.peer = socket));
    this.streams = duplexPair();
    http.emit("connection", this.streams[1]);
    this.client = new WebSocket("ws://in.memory/", options.protocols ?? [], {
      createConnection: () => this.streams[0],
      clock: this.clock,
      ...options.client,
    });
  }

  async opened(): Promise<{ client: WebSocket; peer: WebSocket; clock: FakeClock }> {
    await nextEvent(this.client, "open");
    return { client: this.client, peer: this.peer!, clock: this.clock };
  }
}

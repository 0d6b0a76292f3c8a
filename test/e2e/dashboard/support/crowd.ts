import { EventEmitter } from "node:events";
import { IncomingMessage } from "node:http";
import { Socket as NetSocket } from "node:net";
import type { Server } from "@portage/server";
import { turn } from "../../../support/waiting.ts";

/** A WebSocket of a client in this process: nothing is on a wire, so that there may be very many. */
class NearWebSocket extends EventEmitter {
  readyState = 1;

  send(_data: unknown, _options: unknown, done?: () => void): void {
    done?.();
  }

  close(): void {
    setImmediate(() => this.end());
  }

  terminate(): void {
    this.end();
  }

  end(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.emit("close", 1005, "");
  }
}

export interface CrowdClient {
  /** Sends a packet of Socket.IO, such as `2["chat"]`. */
  send(packet: string): void;
  leave(): void;
}

function join(io: Server, index: number, stream: NetSocket): CrowdClient {
  const req = new IncomingMessage(stream);
  req.method = "GET";
  req.url = `/socket.io/?EIO=4&transport=websocket&room=${index}`;
  req.headers = { host: "localhost", cookie: "secret=1", "user-agent": "crowd" };
  const websocket = new NearWebSocket();
  io.engine.onWebSocket(req, stream, websocket as never);
  websocket.emit("message", "40");
  return {
    send: (packet) => websocket.emit("message", `4${packet}`),
    leave: () => websocket.end(),
  };
}

/** Connects clients to the main namespace. */
export async function gather(io: Server, count: number): Promise<CrowdClient[]> {
  const stream = new NetSocket();
  const clients: CrowdClient[] = [];
  for (let index = 0; index < count; index += 1) {
    clients.push(join(io, index, stream));
    if (index % 1000 === 999) await turn();
  }
  while (io.sockets.sockets.size < count) await turn();
  return clients;
}

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { framePacket } from "@portage/parser/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Server, type Socket } from "../../../packages/server/src/engine.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { SessionPair, WebTransportPeer } from "../../support/peers/webtransport.ts";
import { Inbox } from "../../support/waiting.ts";

// Sessions whose transport is never upgraded, and clients that try all the same: with a probe, which polling would need.

let engine: Server;
let port: number;
let connections: Inbox<Socket>;
const ends: (() => void)[] = [];

beforeEach(async () => {
  engine = new Server({ transports: ["polling", "websocket", "webtransport", "sse"] });
  connections = new Inbox<Socket>("a connection");
  engine.on("connection", (socket: Socket) => connections.push(socket));
  const server = createServer();
  engine.attach(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  ends.push(() => {
    engine.close();
    server.closeAllConnections();
    server.close();
  });
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Passes in a session of WebTransport that begins with these packets. */
async function arrive(...packets: string[]): Promise<WebTransportPeer> {
  const session = new SessionPair();
  const peer = new WebTransportPeer(session);
  void engine.onWebTransportSession(session);
  await peer.write(Buffer.concat(packets.map((packet) => framePacket(packet))));
  return peer;
}

/** Counts the batches that the engine sends to a session. */
function countSent(socket: Socket): { readonly count: number } {
  const sent = { count: 0 };
  socket.transport.on("drain", () => (sent.count += 1));
  return sent;
}

/** Opens a session, and returns it with the transport that it stays on. */
const OPENINGS: Readonly<Record<string, () => Promise<Socket>>> = {
  websocket: async () => {
    const peer = await RawWebSocket.connect({ port, path: "/engine.io/" });
    ends.push(() => peer.cut());
    return connections.next();
  },
  webtransport: async () => {
    await arrive("0");
    return connections.next();
  },
  sse: async () => {
    const stop = new AbortController();
    ends.push(() => stop.abort());
    fetch(`http://127.0.0.1:${port}/engine.io/?transport=sse`, { signal: stop.signal }).catch(() => undefined);
    return connections.next();
  },
};

describe.each(["websocket", "webtransport", "sse"])("a session on %s stays on it, and closes", (name) => {
  let socket: Socket;
  let sent: { readonly count: number };

  beforeEach(async () => {
    socket = await OPENINGS[name]!();
    sent = countSent(socket);
  });
  afterEach(() => {
    expect(socket.transport.name).toBe(name);
    expect(socket.readyState).toBe("open");
    expect(sent.count).toBeLessThan(2);
  });

  test("a WebSocket with its id", async () => {
    const peer = await RawWebSocket.connect({ port, path: "/engine.io/", sid: socket.id });
    peer.send("2probe");
    expect((await peer.closed).reason).toBe("TRANSPORT_CLOSED");
  });

  test("a session of WebTransport with its id", async () => {
    const peer = await arrive(`0{"sid":"${socket.id}"}`, "2probe");
    expect(await peer.next()).toBe("end");
  });
});

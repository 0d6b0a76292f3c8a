import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import type { Server, Socket } from "socket.io";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import type { Target } from "./targets.ts";
import { nextEvent } from "./waiting.ts";

/** A server with two clients, and its objects that a program can reference. */
export interface Held {
  readonly io: Server;
  /** The socket of the client on WebSocket, and that client. */
  readonly socket: Socket;
  readonly client: ClientSocket;
  readonly objects: ReturnType<typeof objectsOf>;
  /** Sends an event from each client, and returns the acknowledgements. */
  exchange(): Promise<unknown[]>;
  stop(): Promise<void>;
}

function objectsOf(io: Server, socket: Socket, polling: Socket) {
  return {
    Server: io,
    Namespace: io.of("/n"),
    "Namespace of a pattern": io.of(/^\/shop/),
    Socket: socket,
    "Socket that polls": polling,
    Client: socket.client,
    BroadcastOperator: io.to("room"),
    Adapter: io.of("/").adapter,
    "engine.io Server": io.engine as object,
    "engine.io Socket": socket.conn,
    "engine.io WebSocket": socket.conn.transport,
    "engine.io Polling": polling.conn.transport,
  };
}

export async function heldObjects(target: Target): Promise<Held> {
  const http = createServer();
  const io: Server = new target.socketio.Server(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const join = async (transport: string): Promise<[Socket, ClientSocket]> => {
    const connection = nextEvent<[Socket]>(io, "connection");
    const client = connectClient(url, { transports: [transport], forceNew: true, reconnection: false });
    await nextEvent(client, "connect");
    const [socket] = await connection;
    socket.on("ping!", (done: (answer: string) => void) => done("pong"));
    return [socket, client];
  };
  const [socket, client] = await join("websocket");
  const [polling, other] = await join("polling");
  const clients = [client, other];
  return {
    io,
    socket,
    client,
    objects: objectsOf(io, socket, polling),
    exchange: () => Promise.all(clients.map((one) => one.timeout(5000).emitWithAck("ping!"))),
    async stop() {
      for (const one of clients) one.disconnect();
      await io.close();
    },
  };
}

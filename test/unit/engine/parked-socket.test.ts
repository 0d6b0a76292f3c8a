import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ParkedSocket } from "../../../packages/server/src/engine/http/parked-socket.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const server = createServer();
let client: Socket;

async function accept(): Promise<Socket> {
  client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  return socket;
}

/** Parks a connection that closes, and forgets it. */
async function parkAndClose(): Promise<{ parked: ParkedSocket; port: number }> {
  const socket = await accept();
  const parked = ParkedSocket.of(socket) as ParkedSocket;
  const port = socket.remotePort!;
  socket.destroy();
  await once(socket, "close");
  return { parked, port };
}

beforeEach(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});

afterEach(() => {
  client.destroy();
  server.close();
});

describe("a parked connection", () => {
  test("is itself while it is open", async () => {
    const socket = await accept();
    const parked = ParkedSocket.of(socket) as ParkedSocket;
    expect(parked).toBeInstanceOf(ParkedSocket);
    expect(parked.restore()).toBe(socket);
    socket.destroy();
  });

  test("is a closed one with the address of the client, once it was collected", async () => {
    const { parked, port } = await parkAndClose();
    // A WeakRef keeps its target for the rest of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const restored = parked.restore();
    expect(restored).toBeInstanceOf(Socket);
    expect(restored).toMatchObject({ remoteAddress: "127.0.0.1", remoteFamily: "IPv4", remotePort: port });
    expect(restored).toMatchObject({ destroyed: true, readable: false, writable: false });
  });

  test.each([
    ["with members of the program", (socket: Socket) => Object.assign(socket, { user: "ada" })],
    ["of TLS", (socket: Socket) => new TLSSocket(socket)],
  ])("%s is not parked", async (_what, change) => {
    const accepted = await accept();
    const socket = change(accepted);
    expect(ParkedSocket.of(socket)).toBe(socket);
    accepted.destroy();
  });

  test("without an address is not parked", () => {
    const socket = new Socket();
    expect(ParkedSocket.of(socket)).toBe(socket);
  });
});

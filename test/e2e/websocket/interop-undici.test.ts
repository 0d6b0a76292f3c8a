import { WebSocketServer } from "@portage/websocket";
import { WebSocket } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { urlOf } from "../../contract/websocket-api.ts";
import { nextEvent, within } from "../../support/waiting.ts";

let server: WebSocketServer;
let url: string;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 10 } });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => {
      if ((data as Buffer).equals(Buffer.from("close"))) socket.close(4001, "as you wish");
      else socket.send(data, { binary: isBinary });
    });
  });
  await nextEvent(server, "listening");
  url = urlOf(server);
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

/** The next event of a browser's kind of socket. */
function next<T>(socket: WebSocket, type: "open" | "message" | "close"): Promise<T> {
  const arrived = new Promise<T>((resolve) => {
    socket.addEventListener(type, (event) => resolve(event as T), { once: true });
  });
  return within(arrived, `event ${type}`);
}

describe("the WebSocket of undici", () => {
  async function opened(protocols: string[] = []): Promise<WebSocket> {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    await next(socket, "open");
    return socket;
  }

  it("echoes text and binary of all length forms, compressed or not", async () => {
    const socket = await opened();
    expect(socket.extensions).toContain("permessage-deflate");
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) {
      const text = "é".repeat(size);
      socket.send(text);
      expect((await next<{ data: string }>(socket, "message")).data === text).toBe(true);
      const bytes = Buffer.alloc(size, "binary");
      socket.send(bytes);
      expect(bytes.equals(Buffer.from((await next<{ data: ArrayBuffer }>(socket, "message")).data))).toBe(true);
    }
    socket.close();
  });

  it("learns the subprotocol", async () => {
    const socket = await opened(["one", "two"]);
    expect(socket.protocol).toBe("one");
    socket.close();
  });

  it("is closed by the server", async () => {
    const socket = await opened();
    socket.send("close");
    expect(await next(socket, "close")).toMatchObject({ code: 4001, reason: "as you wish", wasClean: true });
  });

  it("closes", async () => {
    const socket = await opened();
    const [peer] = server.clients;
    const closed = nextEvent<[number, Buffer]>(peer!, "close");
    socket.close(3000, "done");
    const [code, reason] = await closed;
    expect([code, reason.toString()]).toEqual([3000, "done"]);
  });

  it("answers pings", async () => {
    await opened();
    const [peer] = server.clients;
    peer!.ping("are you there");
    expect(await nextEvent(peer!, "pong")).toEqual([Buffer.from("are you there")]);
  });
});

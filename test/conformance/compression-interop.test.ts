import { once } from "node:events";
import type { AddressInfo } from "node:net";
import * as portage from "@portage/websocket";
import { describe, expect, it } from "vitest";
import * as reference from "ws";
import { nextEvent } from "../support/waiting.ts";

type Api = Pick<typeof portage, "WebSocket" | "WebSocketServer">;
const ws = reference as unknown as Api;

const noContext = { serverNoContextTakeover: true, clientNoContextTakeover: true };
const OPTIONS = [
  {},
  noContext,
  { serverMaxWindowBits: 8, clientMaxWindowBits: 9 },
  { ...noContext, serverMaxWindowBits: 9 },
];
const PAIRS: readonly (readonly [client: string, clientApi: Api, server: string, serverApi: Api])[] = [
  ["ws", ws, "@portage/websocket", portage],
  ["@portage/websocket", portage, "ws", ws],
  ["@portage/websocket", portage, "@portage/websocket", portage],
];

/** Sizes below and above the limit for zlib's threads, ordered so that overtaking would show. */
const SIZES = [0, 1, 5, 100, 1000, 15_000, 17_000, 100_000, 1_000_000, 3, 0, 16_384, 20];
const MESSAGES = SIZES.map((size, at) => {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = 97 + ((i * 7 + (i >> 3) * at + ((i * i) >> 7)) % 20);
  return at % 2 === 0 ? bytes.toString() : bytes;
});

describe.each(PAIRS)(
  "compression between a client of %s and a server of %s",
  (_client, clientApi, _server, serverApi) => {
    it.each(OPTIONS)("carries all messages there and back in order with %j", async (options) => {
      const perMessageDeflate = { threshold: 0, ...options };
      const server = new serverApi.WebSocketServer({
        port: 0,
        host: "127.0.0.1",
        perMessageDeflate,
      });
      server.on("connection", (socket) => {
        socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
      });
      await once(server, "listening");
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const client = new clientApi.WebSocket(url, { perMessageDeflate: { threshold: 0 } });
      const received: (string | Buffer)[] = [];
      client.on("message", (data: Buffer, isBinary) => {
        received.push(isBinary ? data : data.toString());
        if (received.length === MESSAGES.length) client.close();
      });
      await nextEvent(client, "open");
      expect(client.extensions).toContain("permessage-deflate");
      for (const message of MESSAGES) client.send(message);
      await nextEvent(client, "close");
      expect(received.map(String)).toEqual(MESSAGES.map(String));
      await new Promise((resolve) => server.close(resolve));
    });
  },
);

import { createHash, randomBytes } from "node:crypto";
import type { ClientOptions, ServerOptions, WebSocket, WebSocketServer } from "@portage/websocket";
import { describe, expect, it } from "vitest";
import {
  ending,
  IMPLEMENTATIONS,
  newClient,
  nextMessage,
  startServer,
  urlOf,
  type WebSocketApi,
} from "../../contract/websocket-api.ts";
import { nextEvent } from "../../support/waiting.ts";

const [[, own], [, ws]] = IMPLEMENTATIONS as [[string, WebSocketApi], [string, WebSocketApi]];

const PAIRS: [name: string, serverApi: WebSocketApi, clientApi: WebSocketApi][] = [
  ["the client of ws at our server", own, ws],
  ["our client at the server of ws", ws, own],
  ["our client at our server", own, own],
];

const SIZES = [0, 1, 125, 126, 127, 1023, 1024, 16_383, 16_384, 65_535, 65_536, 65_537, 1_000_003];

const COMPRESSIONS: [
  name: string,
  server: ServerOptions["perMessageDeflate"],
  client: ClientOptions["perMessageDeflate"],
][] = [
  ["no compression", false, false],
  ["compression", true, true],
  ["compression, all sizes", { threshold: 0 }, { threshold: 0 }],
  [
    "compression without context takeover",
    { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
    { threshold: 0 },
  ],
  ["compression in small windows", { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }, { threshold: 0 }],
  ["compression that only the client offers", false, true],
];

function echo(server: WebSocketServer): void {
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  });
}

/** Bytes that compress to about half. */
function halfRandom(size: number): Buffer {
  const bytes = randomBytes(size);
  for (let at = 0; at < size; at += 2) bytes[at] = 0x20;
  return bytes;
}

function digest(data: unknown): string {
  return createHash("sha256")
    .update(data as Buffer)
    .digest("hex");
}

async function opened(server: WebSocketServer, api: WebSocketApi, options: ClientOptions): Promise<WebSocket> {
  const client = newClient(api, urlOf(server), [], options);
  await nextEvent(client, "open");
  return client;
}

describe.each(PAIRS)("%s", (_name, serverApi, clientApi) => {
  describe.each(COMPRESSIONS)("with %s", (_compression, onServer, onClient) => {
    async function connected(): Promise<WebSocket> {
      const server = await startServer(serverApi, { perMessageDeflate: onServer ?? false });
      echo(server);
      return opened(server, clientApi, { perMessageDeflate: onClient ?? false });
    }

    it("agrees about compression", async () => {
      const client = await connected();
      expect(client.extensions).toBe(onServer === false ? "" : "permessage-deflate");
    });

    it("echoes messages of all lengths", async () => {
      const client = await connected();
      for (const size of SIZES) {
        const bytes = halfRandom(size);
        client.send(bytes);
        const { data, isBinary } = await nextMessage(client);
        expect([isBinary, digest(data)]).toEqual([true, digest(bytes)]);
        const text = "aé€😀".repeat(size >> 3);
        client.send(text);
        const answer = await nextMessage(client);
        expect([answer.isBinary, digest(answer.data)]).toEqual([false, digest(Buffer.from(text))]);
      }
    });

    it("keeps the order of many, large and small, and of their pings and close", async () => {
      const client = await connected();
      const lengths: number[] = [];
      const sent: number[] = [];
      client.on("message", (data) => lengths.push((data as Buffer).length));
      for (let count = 0; count < 60; count++) {
        const size = count % 7 === 0 ? 100_000 + count : count * 40;
        sent.push(size);
        client.send(halfRandom(size));
        if (count % 10 === 0) client.ping(String(count));
      }
      const answered = new Promise<void>((resolve) => {
        client.on("message", () => lengths.length === sent.length && resolve());
      });
      await answered;
      client.close(4000, "all");
      expect(await ending(client)).toEqual([4000, "all"]);
      expect(lengths).toEqual(sent);
    });

    it("takes a message in fragments", async () => {
      const client = await connected();
      for (let part = 0; part < 20; part++) client.send("part".repeat(part), { fin: part === 19 });
      const { data } = await nextMessage(client);
      expect((data as Buffer).length).toBe(4 * 190);
    });
  });

  it("refuses a message that becomes too long when it is decompressed", async () => {
    const server = await startServer(serverApi, { perMessageDeflate: true, maxPayload: 10_000 });
    const failure = new Promise((resolve) => server.on("connection", (socket) => socket.on("error", resolve)));
    const client = await opened(server, clientApi, { perMessageDeflate: { threshold: 0 } });
    client.send(Buffer.alloc(10_001));
    expect((await ending(client))[0]).toBe(1009);
    expect(await failure).toMatchObject({ code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" });
  });
});

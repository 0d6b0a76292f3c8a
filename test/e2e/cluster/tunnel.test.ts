import type { Socket } from "@portage/server";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { CLIENTS, type ClientOptions } from "../../support/clients.ts";
import { type ElsewhereOptions, UpgradeElsewhere } from "../../support/cluster/upgrade-elsewhere.ts";
import { TEST_CERTIFICATE } from "../../support/servers/certificate.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const COUNT = 1000;

let site: UpgradeElsewhere;
const clients: { disconnect(): unknown }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await site.close();
});

const untilNothingIsLeft = async (): Promise<void> => {
  const wait = async (): Promise<void> => {
    while (site.left.fronts + site.left.owned > 0) await turn();
  };
  await within(wait(), () => `the end of all tunnels: ${JSON.stringify(site.left)}`);
};

/** Connects a client whose WebSocket arrives at the other node. */
async function connect(version: string, options: ElsewhereOptions = {}, client: ClientOptions = {}) {
  site = await UpgradeElsewhere.start(options);
  const connection = nextEvent<[Socket]>(site.bind(), "connection");
  const ca = site.kind === "http" ? {} : { ca: TEST_CERTIFICATE };
  const socket = CLIENTS[version]!(site.url, { ...ca, ...client });
  clients.push(socket);
  const [atServer] = await connection;
  return { client: socket, socket: atServer };
}

const upgraded = async ({ conn }: Socket): Promise<void> => {
  const { transport } = conn as unknown as { transport: { name: string } };
  if (transport.name !== "websocket") await nextEvent(conn as never, "upgrade");
};

const numbers = Array.from({ length: COUNT }, (_, i) => i);

/** Sends numbers in both directions, some before the upgrade, and compares what arrives. */
async function exchangeNumbers(client: Awaited<ReturnType<typeof connect>>["client"], socket: Socket): Promise<void> {
  const [up, down]: [number[], number[]] = [[], []];
  const all = new Promise<void>((resolve) => {
    const check = (): void => {
      if (up.length >= COUNT && down.length >= COUNT) resolve();
    };
    const take = (list: number[]) => (n: number) => {
      list.push(n);
      check();
    };
    socket.on("up", take(up));
    client.on("down", take(down));
  });
  for (const n of numbers) {
    client.emit("up", n, n % 7 === 0 ? Buffer.alloc(100) : "x".repeat(n % 300));
    socket.emit("down", n, n % 5 === 0 ? Buffer.alloc(100) : "x".repeat(n % 300));
    if (n % 50 === 0) await turn();
    if (n === 100) await upgraded(socket);
  }
  await within(all, () => `all messages: ${up.length} up, ${down.length} down`);
  await turn();
  expect(up).toEqual(numbers);
  expect(down).toEqual(numbers);
}

const VERSIONS = ["socket.io-client 4.8", "socket.io-client 2.5", "@portage/client"];
const SITES: Record<string, ElsewhereOptions> = {
  "a plain front": {},
  "a front with TLS": { front: "https" },
  perMessageDeflate: { engine: { perMessageDeflate: { threshold: 100 } } },
  "the wsEngine ws": { engine: { wsEngine: WebSocketServer as never } },
  "the wsEngine ws with perMessageDeflate": {
    engine: { wsEngine: WebSocketServer as never, perMessageDeflate: { threshold: 100 } },
  },
  "engine middlewares": {},
};

describe.each(Object.keys(SITES))("%s", (name) => {
  test.each(VERSIONS)(
    "%s polls at one node and upgrades at another: all messages, once and in order",
    async (version) => {
      const { client, socket } = await connect(version, SITES[name]);
      if (name === "engine middlewares")
        site.owner.engine.use((_req: unknown, _res: unknown, next: () => void) => next());
      await exchangeNumbers(client, socket);
      expect(site.left).toEqual({ fronts: 1, owned: 1 });
      expect(site.front.relay.stats.forwarded).toBe(0);
      client.disconnect();
      await untilNothingIsLeft();
    },
  );
});

import { afterEach, describe, expect, test } from "vitest";
import { io as connect, type ManagerOptions, type SocketOptions } from "@portage/client";
import { Server, type ServerOptions } from "@portage/server";
import { REFUSALS, type RefusalName } from "../../../packages/server/src/engine/report/refusals.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent } from "../../support/waiting.ts";

type ClientOptions = Partial<ManagerOptions & SocketOptions>;
type TransportName = "polling" | "websocket";
/** What a program learns from a refusal. */
type Refused = Error & { readonly retry?: string };

const running: { io: Server; host: Host }[] = [];
const clients: ReturnType<typeof connect>[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const { io, host } of running.splice(0)) {
    await io.close();
    await host.drained();
  }
});

async function start(options: Partial<ServerOptions> = {}) {
  const host = new Host();
  const io = new Server(host.http, options);
  const names: RefusalName[] = [];
  io.engine.on("connection_error", ({ name }: { name: RefusalName }) => names.push(name));
  await host.listen();
  running.push({ io, host });
  return { io, host, names };
}

/** A client that makes one attempt. */
function open({ port }: { readonly port: number }, transport: TransportName, options: ClientOptions = {}, nsp = "/") {
  const client = connect(`http://localhost:${port}${nsp}`, {
    transports: [transport],
    forceNew: true,
    reconnection: false,
    ...options,
  });
  clients.push(client);
  return client;
}

/** How to provoke a refusal: the server's options, what it does before, and the client's options. */
interface Case {
  readonly server?: Partial<ServerOptions>;
  readonly prepare?: (io: Server, host: Host) => unknown;
  readonly client?: (transport: TransportName) => ClientOptions;
}

/** Sends another query than the client would. */
const withQuery = (query: object) => (transport: TransportName) => ({
  transportOptions: { [transport]: { query: { EIO: "4", transport, ...query } } },
});
const failing = (): never => {
  throw new Error("a bug of the program");
};
const first = (_io: Server, host: Host): Promise<unknown> => nextEvent(open(host, "websocket"), "connect");

const HANDSHAKES: Readonly<Partial<Record<RefusalName, Case>>> = {
  UNKNOWN_TRANSPORT: { client: withQuery({ transport: "pigeon" }) },
  UNSUPPORTED_PROTOCOL_VERSION: { client: withQuery({ EIO: "3" }) },
  FORBIDDEN: { server: { allowRequest: (_req, answer) => answer("not today", false) } },
  ID_GENERATION_ERROR: { prepare: (io) => void (io.engine.generateId = failing) },
  MIDDLEWARE_FAILURE: {
    prepare: (io) =>
      void io.engine.use((_req: unknown, _res: unknown, next: (error: Error) => void) => next(Error("no"))),
  },
  TOO_MANY_CONNECTIONS: { server: { maxConnections: 1 }, prepare: first },
  TOO_MANY_CONNECTIONS_FROM_ADDRESS: { server: { maxConnectionsPerAddress: 1 }, prepare: first },
  TOO_MANY_CONNECTIONS_OF_USER: { server: { maxConnectionsPerUser: 1, userOf: () => "ada" }, prepare: first },
  TOO_MANY_HANDSHAKES: { server: { maxHandshakesPerSecond: 1 }, prepare: first },
  SERVER_DRAINING: { prepare: (io) => void io.drain({ deadline: 1000 }) },
};

describe.each(["polling", "websocket"] as const)(
  "connect_error says whether to connect again, over %s",
  (transport) => {
    test.each(Object.entries(HANDSHAKES) as [RefusalName, Case][])("%s", async (name, { server, prepare, client }) => {
      const { io, host, names } = await start(server);
      await prepare?.(io, host);
      const [error] = await nextEvent<[Refused]>(open(host, transport, client?.(transport)), "connect_error");
      expect([names, error.retry]).toEqual([[name], REFUSALS[name].retry]);
    });

    test("a server that is not there", async () => {
      const { host } = await start();
      const { port } = host;
      host.http.close();
      const [error] = await nextEvent<[Refused]>(open({ port }, transport), "connect_error");
      expect(error.retry).toBe("yes");
    });

    test("a namespace that the server does not have, or refuses", async () => {
      const { io, host } = await start();
      io.of("/members").use((_socket, next) => next(new Error("sign in first")));
      const answers: unknown[] = [];
      for (const nsp of ["/nowhere", "/members"]) {
        const [error] = await nextEvent<[Refused]>(open(host, transport, {}, nsp), "connect_error");
        answers.push([error.message, error.retry]);
      }
      expect(answers).toEqual([
        ["Invalid namespace", "no"],
        ["sign in first", "no"],
      ]);
    });
  },
);

test("a page of an origin that is not allowed", async () => {
  const { host, names } = await start({ cors: { origin: "https://good.example" } });
  const extraHeaders = { origin: "https://bad.example" };
  const [error] = await nextEvent<[Refused]>(open(host, "websocket", { extraHeaders }), "connect_error");
  expect([names, error.retry]).toEqual([["ORIGIN_NOT_ALLOWED"], "no"]);
});

describe("a refusal within a session asks for a new session", () => {
  const spoil: readonly [RefusalName, (client: ReturnType<typeof connect>) => unknown][] = [
    ["UNKNOWN_SID", (client) => void (client.io.engine.transport.query["sid"] = "gone")],
    ["PAYLOAD_TOO_LARGE", () => {}],
  ];
  test.each(spoil)("%s", async (name, change) => {
    const { host, names } = await start({ maxHttpBufferSize: 1000 });
    const client = open(host, "polling");
    await nextEvent(client, "connect");
    change(client);
    client.emit("text", "x".repeat(2000));
    const [, details] = await nextEvent<[string, Refused]>(client, "disconnect");
    expect([names, details.retry]).toEqual([[name], REFUSALS[name].retry]);
  });
});

import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as ours from "@portage/client/engine";
import type { Socket as Session } from "engine.io";
import * as theirs from "engine.io-client";
import { describe, expect, test } from "vitest";
import { serveEngine } from "../support/servers/host.ts";
import { portage, reference } from "../support/targets.ts";
import { within } from "../support/waiting.ts";

type Client = ours.Socket;
type Options = ours.SocketOptions;

/**
 * The events of one client, in order. Its packets have a separate lane: over polling, two HTTP connections decide
 * whether the answer to a POST precedes the answer to a GET, and how many `noop` packets end a poll.
 */
class Trace {
  readonly lines: string[] = [];
  readonly sent: string[] = [];

  watch(client: Client): Client {
    for (const [events, lane] of [
      [EVENTS, this.lines],
      [SENDING, this.sent],
    ] as const) {
      for (const event of events) {
        client.on(event as "open", (...args: unknown[]) => lane.push([event, ...args.map(show)].join(" ")));
      }
    }
    return client;
  }

  get lanes(): string[][] {
    const isNoop = (line: string | undefined): boolean => line === 'packet {"type":"noop"}';
    return [this.lines.filter((line, i) => !isNoop(line) && !isNoop(this.lines[i - 1])), this.sent];
  }
}

const SENDING = ["packetCreate", "flush", "drain"];
const EVENTS = [
  "open",
  "handshake",
  "packet",
  "data",
  "message",
  "ping",
  "pong",
  "heartbeat",
  "upgrading",
  "upgrade",
  "upgradeError",
  "error",
  "close",
];

/** Ids, times and platform details masked. */
function show(value: unknown): string {
  if (Buffer.isBuffer(value)) return `bytes ${value.toString("hex")}`;
  if (value instanceof Error) {
    const { type, description } = value as ours.TransportError;
    return [value.message, type, typeof description === "number" ? description : "-"].join("/");
  }
  if (typeof value !== "object" || value === null) return String(value);
  if ("name" in value && "query" in value) return `transport ${String(value.name)}`;
  if ("description" in value) {
    const { description, context } = value as { description: string; context?: { code?: number; reason?: string } };
    return `${description} ${context?.code} ${context?.reason}`;
  }
  return JSON.stringify(value).replace(/\\?"sid\\?":\\?"[^"\\]+\\?"/, "sid");
}

interface Stage {
  client: Client;
  session: () => Session;
}

type Scenario = (stage: Stage) => Promise<void> | void;

const event = (client: Client, name: string): Promise<unknown> =>
  within(new Promise((resolve) => client.once(name as "open", resolve as () => void)), `event ${name} of the client`);

function messages(client: Client, expected: number): Promise<void> {
  let count = 0;
  const all = new Promise<void>((resolve) => client.on("message", () => ++count === expected && resolve()));
  return within(all, `${expected} messages`);
}

/** Waits until both HTTP connections have answered. */
const answered = (client: Client): Promise<unknown> => Promise.all([event(client, "message"), event(client, "drain")]);

const SCENARIOS: Record<string, [options: Options, run: Scenario]> = {
  "polling: text and bytes there and back": [
    { transports: ["polling"] },
    async ({ client }) => {
      await event(client, "open");
      client.send("hello");
      await answered(client);
      client.send(Buffer.from([1, 2, 3]));
      await answered(client);
      client.close();
    },
  ],
  "websocket: text and bytes there and back": [
    { transports: ["websocket"] },
    async ({ client }) => {
      await event(client, "open");
      client.send("hello", {}, () => client.send("from the callback"));
      await messages(client, 2);
      client.send(Buffer.from([1, 2, 3]));
      await event(client, "message");
      client.close();
    },
  ],
  "what is sent before opening leaves afterwards": [
    { transports: ["polling"] },
    async ({ client }) => {
      client.send("early");
      await answered(client);
      client.close();
    },
  ],
  "an upgrade": [
    {},
    async ({ client }) => {
      await event(client, "upgrade");
      client.send("after");
      await event(client, "message");
      client.close();
    },
  ],
  "no upgrade when it is not wanted": [
    { upgrade: false },
    async ({ client }) => {
      await event(client, "open");
      client.close();
    },
  ],
  "closing with something to send": [
    { transports: ["websocket"] },
    async ({ client }) => {
      await event(client, "open");
      client.send("last");
      client.close();
      client.send("too late");
      await event(client, "close");
    },
  ],
  "closing in open": [
    { transports: ["polling"] },
    async ({ client }) => {
      client.once("open", () => client.close());
      await event(client, "close");
    },
  ],
  "closing before opening": [{ transports: ["websocket"] }, ({ client }) => void client.close()],
  "the server closes (polling)": [
    { transports: ["polling"] },
    async ({ client, session }) => {
      await event(client, "open");
      session().close();
      await event(client, "close");
    },
  ],
  "the server closes (websocket)": [
    { transports: ["websocket"] },
    async ({ client, session }) => {
      await event(client, "open");
      session().close();
      await event(client, "close");
    },
  ],
  "the path is another (polling)": [
    { transports: ["polling"], path: "/nowhere" },
    async ({ client }) => void (await event(client, "close")),
  ],
  "an unknown session": [
    { transports: ["polling"], query: { sid: "unknown" } },
    async ({ client }) => void (await event(client, "close")),
  ],
  "the path is another (websocket)": [
    { transports: ["websocket"], path: "/nowhere" },
    async ({ client }) => void (await event(client, "close")),
  ],
  "all transports are tried": [
    { transports: ["pigeon", "polling"] as string[], tryAllTransports: true, path: "/engine.io" },
    async ({ client }) => {
      if (client.readyState !== "open") await event(client, "open");
      client.close();
    },
  ],
  "a burst is split by the server's limit": [
    { transports: ["polling"] },
    async ({ client }) => {
      await event(client, "open");
      for (let i = 0; i < 5; i++) client.send("x".repeat(400));
      await Promise.all([messages(client, 5), event(client, "drain")]);
      client.close();
    },
  ],
  "the server pings": [
    { transports: ["websocket"] },
    async ({ client }) => {
      await event(client, "pong");
      client.close();
    },
  ],
};

const PINGING = { pingInterval: 100, pingTimeout: 20_000 };

async function run(name: string, Socket: new (url: string, options: Options) => Client, target: typeof portage) {
  const [options, scenario] = SCENARIOS[name]!;
  const server = await serveEngine(target, {
    maxHttpBufferSize: 1000,
    ...(name === "the server pings" ? PINGING : { pingInterval: 60_000 }),
  });
  server.host.http.on("request", (request, response) => {
    if (request.url!.startsWith("/nowhere")) response.writeHead(404).end("not found");
  });
  let session: Session | undefined;
  server.engine.on("connection", (opened: Session) => {
    session = opened;
    opened.on("message", (data) => opened.send(data));
  });
  const trace = new Trace();
  const transports = options.transports?.filter((item) => item !== "pigeon");
  // a carry adds counts to the packets
  const given = { ...options, transports, carry: false } as Options;
  if (!options.transports) delete given.transports;
  const client = trace.watch(new Socket(`http://127.0.0.1:${server.port}`, given));
  await scenario({ client, session: () => session! });
  trace.lines.push(client.readyState, `id ${typeof client.id}`);
  client.close();
  await server.stop();
  return trace.lanes;
}

describe.each([portage, reference])("the client emits the same events as engine.io-client, on $name", (target) => {
  test.each(Object.keys(SCENARIOS))("%s", async (name) => {
    const expected = await run(name, theirs.Socket as unknown as typeof ours.Socket, target);
    expect(await run(name, ours.Socket, target)).toEqual(expected);
  });
});

/** A server that answers every request with a script. */
async function answering(status: number, body: string): Promise<HttpServer> {
  const http = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return http;
}

describe("answers of another protocol", () => {
  test.each([
    ["an error page", 502, "<h1>Bad Gateway</h1>"],
    ["a JSON error", 400, '{"code":3,"message":"Bad request"}'],
    ["another page", 200, "hello"],
  ])("%s", async (_name, status, body) => {
    const http = await answering(status, body);
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const traces = [];
    for (const Socket of [theirs.Socket as unknown as typeof ours.Socket, ours.Socket]) {
      const trace = new Trace();
      const client = trace.watch(new Socket(url, { transports: ["polling"] }));
      await event(client, "close");
      traces.push(trace.lines.filter((line) => /^(error|close)/.test(line)));
    }
    http.close();
    expect(traces[1]).toEqual(traces[0]);
  });
});

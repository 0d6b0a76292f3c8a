import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/servers/cluster.ts";
import { startPostgres } from "../support/servers/postgres.ts";
import { findProxy } from "../support/servers/real-proxies.ts";
import { startRedis } from "../support/servers/redis.ts";
import { freePort } from "../support/servers/server-process.ts";
import { nextEvent, within } from "../support/waiting.ts";

// Starts each example as in its README, and uses it like a page.

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

/** Processes have to load their packages, several at once, on a machine that does other things as well. Milliseconds. */
const STARTING_TIME = 30_000;

const processes: ChildProcess[] = [];
const clients: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "close");
  }
});

interface Example {
  readonly origin: string;
  /** Waits until the output matches; returns it. */
  readonly output: (pattern: RegExp) => Promise<string>;
  /** Ends it with SIGTERM; returns the exit code. */
  readonly stop: () => Promise<unknown>;
}

/** Runs a program of an example; resolves once it has printed its address. */
async function start(name: string, program = "server.mjs", env: Record<string, string> = {}): Promise<Example> {
  const cwd = join(EXAMPLES, name);
  const settings = { ...process.env, NODE_PATH: "", NODE_OPTIONS: "", PORT: "0", ...env };
  const child = spawn(process.execPath, [program], { cwd, env: settings, stdio: ["ignore", "pipe", "pipe"] });
  processes.push(child);
  let output = "";
  const origin = new Promise<string>((resolve, reject) => {
    const onText = (text: string): void => {
      output += text;
      const [found] = /http:\/\/localhost:\d+/.exec(output) ?? [];
      if (found) resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", onText);
    child.stderr.setEncoding("utf8").on("data", onText);
    child.once("close", () => reject(new Error(`The example ended: ${output}`)));
  });
  const printed = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(output)) await within(once(child.stdout, "data"), `${pattern} in: ${output}`, STARTING_TIME);
    return output;
  };
  const stop = async (): Promise<unknown> => {
    const ended = once(child, "close");
    child.kill("SIGTERM");
    const [code, signal] = (await within(ended, `the example ${name} to end`)) as [number | null, string | null];
    return code ?? signal;
  };
  return { origin: await within(origin, `the example ${name} to start`, STARTING_TIME), output: printed, stop };
}

function connect(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const client = io(url, { forceNew: true, reconnection: false, ...options });
  clients.push(client);
  return client;
}

function send(url: string, body: unknown, method = "POST", headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method,
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
}

const WAYS = [["polling"], ["websocket"]] as const;

describe("express", () => {
  test("serves its page with the client, and sends news to all pages", async () => {
    const { origin, stop } = await start("express");
    const page = await (await fetch(origin)).text();
    const scripts = [...page.matchAll(/src="([^"]+)"/g)].map(([, path]) => fetch(`${origin}${path}`));
    expect((await Promise.all(scripts)).map(({ status }) => status)).toEqual([200, 200]);
    const [ada, bo] = [connect(origin), connect(origin, { transports: ["websocket"] })];
    expect(await Promise.all([nextEvent(ada, "entries"), nextEvent(bo, "entries")])).toEqual([[[]], [[]]]);
    const heard = nextEvent<[{ text: string }]>(bo, "entry");
    expect(await ada.emitWithAck("write", "hello")).toEqual({ ok: true });
    expect((await heard)[0].text).toBe("hello");
    const posted = nextEvent<[{ text: string }]>(ada, "entry");
    expect((await send(`${origin}/entries`, { text: "by HTTP" })).status).toBe(201);
    expect((await posted)[0].text).toBe("by HTTP");
    expect((await send(`${origin}/entries`, { text: "" })).status).toBe(400);
    expect(await ada.emitWithAck("write", { text: "?" })).toMatchObject({ ok: false });
    expect(await stop()).toBe(0);
  });
});

describe("auth", () => {
  const logIn = async (origin: string, name: string, password: string): Promise<Response> =>
    fetch(`${origin}/login`, { method: "POST", body: new URLSearchParams({ name, password }) });
  const cookieOf = (response: Response): string => (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";

  test.each(WAYS)("knows who has logged in, by %s", async (transport) => {
    const { origin, stop } = await start("auth");
    const [error] = await nextEvent<[Error]>(connect(origin, { transports: [transport] }), "connect_error");
    expect(error).toMatchObject({ message: "Log in first.", data: { status: 401 } });
    expect((await logIn(origin, "ada", "guess")).status).toBe(401);
    const headers = { cookie: cookieOf(await logIn(origin, "ada", "lovelace")) };
    const ada = connect(origin, { transports: [transport], extraHeaders: headers });
    expect(await ada.emitWithAck("whoami")).toBe("ada");
    const announced = nextEvent(ada, "announcement");
    expect(await ada.emitWithAck("admin:announce", "soon")).toBe(true);
    expect(await announced).toEqual(["soon"]);
    const ended = nextEvent(ada, "disconnect");
    await fetch(`${origin}/logout`, { method: "POST", headers });
    await ended;
    const again = connect(origin, { transports: [transport], extraHeaders: headers });
    expect((await nextEvent<[Error]>(again, "connect_error"))[0].message).toBe("Log in first.");
    expect(await stop()).toBe(0);
  });

  test("keeps rights per event, and the staff's namespace", async () => {
    const { origin } = await start("auth", "server.mjs", { STAFF_TOKEN: "a token" });
    const bo = connect(origin, { extraHeaders: { cookie: cookieOf(await logIn(origin, "bo", "diddley")) } });
    const refused = nextEvent(bo, "refused");
    bo.emit("admin:announce", "mine");
    expect(await refused).toEqual([{ message: "admin:announce is not for you.", status: 403 }]);
    expect(await bo.emitWithAck("whoami")).toBe("bo");
    const wrong = connect(`${origin}/staff`, { auth: { token: "guess" } });
    expect((await nextEvent<[Error]>(wrong, "connect_error"))[0].message).toBe("Wrong token.");
    expect(await connect(`${origin}/staff`, { auth: { token: "a token" } }).emitWithAck("who is there")).toEqual([
      "bo",
    ]);
  });
});

describe("drain", () => {
  test("disconnects its clients on SIGTERM, refuses new ones, and exits", async () => {
    const { origin, stop } = await start("drain", "server.mjs", { DRAIN: "1500" });
    expect((await fetch(`${origin}/ready`)).status).toBe(200);
    const ways = [["polling"], ["websocket"], ["polling", "websocket"]];
    const there = ways.map((transports) => connect(origin, { transports }));
    const answers = await Promise.all(there.map((client) => client.emitWithAck("work", "this")));
    expect(answers).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^this is done by \d+$/)));

    const told = there.map((client) => nextEvent(client, "leaving"));
    const moved = there.map((client) => nextEvent(client, "disconnect"));
    const stopped = stop();
    await Promise.all(told);
    // They leave one after the other: while the last is there, others are asked to come back later.
    const ready = await fetch(`${origin}/ready`);
    const handshake = await fetch(`${origin}/socket.io/?EIO=4&transport=polling`);
    expect([ready.status, handshake.status, handshake.headers.get("retry-after")]).toEqual([503, 503, "2"]);
    expect(await handshake.json()).toMatchObject({ message: "Server is going away", retryAfter: 2000 });
    expect((await Promise.all(moved)).map(([reason]) => reason)).toEqual(ways.map(() => "transport close"));
    expect(await stopped).toBe(0);
  });
});

describe("all-cores", () => {
  test("is one server to its clients, whichever worker a request reaches, and restarts workers", async () => {
    const { origin, stop, output } = await start("all-cores", "server.mjs", { WORKERS: "3" });
    await output(/(?:worker \d+ \(\d+\): up[^]*){3}/);
    const ways = [["polling"], ["websocket"], ["polling", "websocket"], ["polling"], ["polling"], ["polling"]];
    const clients = ways.map((transports) => connect(origin, { transports }));
    const where = () =>
      Promise.all(clients.map((client) => client.emitWithAck("where") as Promise<{ worker: string; workers: number }>));
    // A worker may serve before the other workers have joined.
    await eventually(async () => expect((await where()).map(({ workers }) => workers)).toEqual(ways.map(() => 3)));
    const places = await where();
    expect(new Set(places.map(({ worker }) => worker)).size).toBeGreaterThan(1);
    for (const [index, client] of clients.entries()) {
      expect(await client.emitWithAck("join", "harbour")).toEqual({ members: index + 1 });
    }
    const [speaker, ...others] = clients as [Socket, ...Socket[]];
    const heard = others.map((client) => nextEvent(client, "said"));
    speaker.emit("say", "harbour", "ahoy");
    expect(await Promise.all(heard)).toEqual(others.map(() => ["ahoy", places[0]?.worker]));

    const [, pid = ""] = /worker 1 \((\d+)\)/.exec(await output(/worker 1/)) ?? [];
    process.kill(Number(pid), "SIGKILL");
    await output(/worker 4 \(\d+\): up/);
    const newcomer = connect(origin);
    await eventually(async () => expect(await newcomer.emitWithAck("where")).toMatchObject({ workers: 3 }));
    expect(await stop()).toBe(0);
  });
});

describe("fastify", () => {
  test.each(WAYS)("sends counts to watchers, and checks requests, by %s", async (transport) => {
    const { origin, stop } = await start("fastify");
    const options = { path: "/live", transports: [transport] };
    const page = connect(origin, options);
    expect(await page.emitWithAck("watch", "pink")).toEqual({ error: "There is no counter pink." });
    expect(await page.emitWithAck("watch", "red")).toEqual({ value: 0 });
    const counted = nextEvent(page, "count");
    expect(await (await fetch(`${origin}/counters/red`, { method: "POST" })).json()).toEqual({ value: 1 });
    expect(await counted).toEqual(["red", 1]);
    const ended = nextEvent(page, "disconnect");
    await send(`${origin}/maintenance`, { on: true }, "PUT");
    await ended;
    await nextEvent(connect(origin, options), "connect_error");
    await send(`${origin}/maintenance`, { on: false }, "PUT");
    await nextEvent(connect(origin, options), "connect");
    expect(await stop()).toBe(0);
  });

  test("admits the pages of one other origin only", async () => {
    const { origin } = await start("fastify", "server.mjs", { PAGE_ORIGIN: "https://page.example" });
    const answer = await fetch(`${origin}/live/?EIO=4&transport=polling`, {
      headers: { origin: "https://page.example" },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://page.example");
  });
});

describe("nest", () => {
  beforeAll(async () => {
    const cwd = join(EXAMPLES, "nest");
    const manifest = createRequire(join(cwd, "package.json")).resolve("typescript/package.json");
    const compiler = spawn(process.execPath, [join(manifest, "../bin/tsc")], { cwd, stdio: "inherit" });
    expect(await once(compiler, "close")).toEqual([0, null]);
  });

  test("serves its gateway", async () => {
    const { origin, stop } = await start("nest", "dist/main.js");
    const [ada, bo] = [connect(`${origin}/chat`), connect(`${origin}/chat`, { transports: ["websocket"] })];
    expect(await nextEvent(ada, "rooms")).toEqual([["lobby", "harbour"]]);
    expect(await ada.emitWithAck("join", "harbour")).toEqual({ members: 1 });
    expect(await bo.emitWithAck("join", "harbour")).toEqual({ members: 2 });
    const heard = nextEvent(bo, "message");
    expect(await ada.emitWithAck("say", { room: "harbour", text: "ahoy" })).toBe(true);
    expect(await heard).toEqual([{ room: "harbour", text: "ahoy", from: ada.id }]);
    const exception = nextEvent<[{ message: string }]>(bo, "exception");
    bo.emit("say", { room: "lobby", text: "?" });
    expect((await exception)[0].message).toBe("Join the room first.");
    // Nest closes the application, then lets the signal end the process.
    expect(await stop()).toBe("SIGTERM");
  });
});

const redis = await startRedis();
afterAll(() => redis?.stop());

describe.skipIf(redis === undefined)("cluster-redis", () => {
  test("is one server to its clients, whichever process they are with", async () => {
    const settings = { REDIS_URL: redis?.url ?? "", WORKERS: "2" };
    const { origin, stop } = await start("cluster-redis", "server.mjs", settings);
    const ways = [["polling"], ["websocket"], ["polling", "websocket"], ["polling"]];
    const clients: Socket[] = [];
    // One after the other: the workers take turns.
    for (const transports of ways) {
      // The primary may learn of a session only after its client has reconnected: clients try again.
      const client = connect(origin, { transports, reconnection: true, reconnectionDelay: 20, timeout: 1000 });
      await nextEvent(client, "connect");
      clients.push(client);
    }
    const workers = new Set(await Promise.all(clients.map((client) => client.emitWithAck("where"))));
    expect(workers).toEqual(new Set([1, 2]));
    for (const [index, client] of clients.entries()) {
      expect(await client.emitWithAck("join", "harbour")).toEqual({ members: index + 1 });
    }
    const [speaker, ...others] = clients as [Socket, ...Socket[]];
    const heard = others.map((client) => nextEvent(client, "said"));
    speaker.emit("say", "harbour", "ahoy");
    const from = await speaker.emitWithAck("where");
    expect(await Promise.all(heard)).toEqual(others.map(() => ["ahoy", from]));
    expect(await speaker.emitWithAck("how many")).toBe(4);
    const gone = clients.map((client) => nextEvent(client, "disconnect"));
    expect(await stop()).toBe(0);
    await Promise.all(gone);
  });
});

const haproxy = await findProxy("haproxy");

describe.skipIf(redis === undefined)("many-hosts", () => {
  const addresses = async ({ output }: Example): Promise<string[]> => {
    const text = await output(/(?:http:\/\/localhost:\d+[^]*){3}/);
    return [...text.matchAll(/http:\/\/localhost:\d+/g)].map(([address]) => address);
  };

  test.skipIf(haproxy === undefined)(
    "is one server behind the balancer of the example, also when a node dies",
    async () => {
      const example = await start("many-hosts", "start.mjs", { REDIS_URL: redis?.url ?? "" });
      const ports = (await addresses(example)).map((address) => new URL(address).port);
      const file = await readFile(join(EXAMPLES, "many-hosts/haproxy.cfg"), "utf8");
      const balancer = await haproxy!.start((port) =>
        file
          .replace(":8080", `127.0.0.1:${port}`)
          // Names of containers.
          .replace(/^resolvers docker\n.*\n/m, "")
          .replace("resolvers docker init-addr libc,none", "")
          .replace(/node-[abc]:3000/g, () => `127.0.0.1:${ports.shift()}`),
      );
      const ways = [["polling"], ["websocket"], ["polling", "websocket"], ["polling"], ["polling"], ["polling"]];
      const clients = ways.map((transports) => connect(balancer.url, { transports, reconnection: true }));
      const where = (client: Socket) => client.emitWithAck("where") as Promise<{ node: string; nodes: number }>;
      await eventually(async () =>
        expect(await Promise.all(clients.map(where))).toEqual(ways.map(() => ({ node: expect.any(String), nodes: 3 }))),
      );
      const nodes = await Promise.all(clients.map(where));
      expect(new Set(nodes.map(({ node }) => node)).size).toBeGreaterThan(1);
      for (const [index, client] of clients.entries()) {
        expect(await client.emitWithAck("join", "harbour")).toEqual({ members: index + 1 });
      }
      const [speaker, ...others] = clients as [Socket, ...Socket[]];
      const heard = others.map((client) => nextEvent(client, "said"));
      speaker.emit("say", "harbour", "ahoy");
      expect(await Promise.all(heard)).toEqual(others.map(() => ["ahoy", nodes[0]?.node]));

      const [, pid = ""] = /node (\d+)/.exec(await example.output(/node/)) ?? [];
      process.kill(Number(pid), "SIGKILL");
      await example.output(/has ended: SIGKILL/);
      await eventually(async () => {
        expect(clients.every(({ connected }) => connected)).toBe(true);
        expect(await Promise.all(clients.map(where))).toEqual(ways.map(() => ({ node: expect.any(String), nodes: 2 })));
      });
      expect(await example.stop()).toBe(0);
      await balancer.stop();
    },
  );

  test("says how to get a Redis if none answers", async () => {
    const settings = { REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
    await expect(start("many-hosts", "start.mjs", settings)).rejects.toThrow(/ECONNREFUSED[^]*docker run/);
  });
});

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.skipIf(postgres === undefined)("postgres", () => {
  test("stores tasks, and notifies the clients of both servers", async () => {
    const settings = { POSTGRES_URL: postgres?.url ?? "" };
    const both = await Promise.all([1, 2].map(() => start("postgres", "server.mjs", settings)));
    const [ada, bo] = both.map(({ origin }) => connect(origin)) as [Socket, Socket];
    await Promise.all([nextEvent(ada, "connect"), nextEvent(bo, "connect")]);
    expect(await ada.emitWithAck("list")).toEqual({ entries: [] });
    const added = nextEvent(bo, "added");
    const { id } = await ada.emitWithAck("add", "paint the boat");
    expect(await added).toEqual([{ id, text: "paint the boat", done: false }]);
    const finished = nextEvent(ada, "finished");
    expect(await bo.emitWithAck("finish", id)).toEqual({ id });
    expect(await finished).toEqual([id]);
    expect(await ada.emitWithAck("finish", id)).toHaveProperty("error");
    expect(await ada.emitWithAck("add", "'); DROP TABLE todo; --")).toHaveProperty("id");
    expect((await bo.emitWithAck("list")).entries).toHaveLength(2);
    expect(await Promise.all(both.map(({ stop }) => stop()))).toEqual([0, 0]);
  });
});

import { once } from "node:events";
import { createServer } from "node:net";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runDemo, startDemo, type Demo } from "../../browser/demo.ts";

const clients: Socket[] = [];

/** A user's page, from the server's point of view. */
async function join(
  demo: Demo,
  transports: string[],
  auth: object = { name: "Ada", rooms: ["harbour"] },
): Promise<Socket> {
  const socket = io(demo.origin, { transports, forceNew: true, reconnection: false, auth });
  clients.push(socket);
  const welcome = new Promise((resolve) => socket.once("welcome", resolve));
  await welcome;
  return socket;
}

const arrival = (socket: Socket, event: string): Promise<unknown[]> =>
  new Promise((resolve) => {
    socket.once(event, (...args: unknown[]) => {
      const confirm = args.at(-1);
      if (typeof confirm === "function") confirm();
      resolve(args);
    });
  });

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

describe("the process", () => {
  test.each([["server"], ["start"]] as const)("(%s) serves both pages and their files", async (command) => {
    const demo = await startDemo(command);
    expect(demo.output()).toContain(`${demo.origin}/websocket.html`);
    expect(demo.output()).toContain(`${demo.origin}/broadcast.html`);
    const home = await fetch(demo.origin, { redirect: "manual" });
    expect([home.status, home.headers.get("location")]).toEqual([302, "/websocket.html"]);

    for (const path of ["/websocket.html", "/broadcast.html"]) {
      const page = await fetch(demo.origin + path);
      expect(page.status).toBe(200);
      expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
      const html = await page.text();
      const references = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, reference]) => reference as string);
      const answers = await Promise.all(references.map((reference) => fetch(demo.origin + reference)));
      expect(answers.map(({ status }) => status)).toEqual(references.map(() => 200));
      expect(html).not.toMatch(/(?:src|href)="https?:/);
    }
    for (const path of ["/../package.json", "/%2e%2e/package.json", "/server.mjs"]) {
      expect((await fetch(demo.origin + path)).status).toBe(404);
    }
    const etag = (await fetch(`${demo.origin}/css/base.css`)).headers.get("etag") ?? "";
    const again = await fetch(`${demo.origin}/css/base.css`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
    expect(await demo.stop()).toBe(0);
  });

  test.each([["SIGINT"], ["SIGTERM"]] as const)(
    "notifies the pages and exits within a second of %s",
    async (signal) => {
      const demo = await startDemo();
      const pages = await Promise.all([
        join(demo, ["polling"]),
        join(demo, ["websocket"]),
        join(demo, ["polling", "websocket"]),
      ]);
      const told = pages.map((page) => arrival(page, "goodbye"));
      const left = pages.map((page) => arrival(page, "disconnect"));
      const start = performance.now();
      expect(await demo.stop(signal)).toBe(0);
      expect(performance.now() - start).toBeLessThan(1000);
      await Promise.all([...told, ...left]);
      expect(demo.errors()).toBe("");
    },
  );

  test.each([["127.0.0.1"], ["::"]])("reports a port in use at %s", async (host) => {
    const other = createServer().listen(0, host);
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, err } = await runDemo(["--port", String(port)]);
    expect(code).toBe(1);
    expect(err).toContain(`Port ${port} is already in use`);
    expect(err).toContain("npm start -- --port");
    expect(err).not.toContain("    at ");
    other.close();
  });

  test.concurrent.each([["abc"], ["65536"], ["-1"], ["80.5"], [""]])(
    "refuses --port %j and says how it is used",
    async (port) => {
      const { code, err } = await runDemo([`--port=${port}`]);
      expect(code).toBe(1);
      expect(err).toContain(`"${port}" is not a port`);
      expect(err).toContain("usage: npm start -- [--port N]");
    },
  );

  test("refuses arguments it does not know", async () => {
    const { code, err } = await runDemo(["--prot", "1"]);
    expect(code).toBe(1);
    expect(err).toContain("usage: npm start -- [--port N]");
  });
});

describe("requests of pages", () => {
  let demo: Demo;

  beforeAll(async () => {
    demo = await startDemo();
  });

  afterAll(() => demo.stop());

  const nonsense = [
    undefined,
    null,
    0,
    "",
    "x".repeat(100_000),
    [],
    {},
    Buffer.alloc(3),
    { room: "harbour", key: "k", text: { toString: 1 } },
    { room: ["harbour"], key: {}, text: "" },
    { room: "harbour", key: "k", text: "x", picture: "GIF8" },
    { room: "harbour", key: "k", text: "x", picture: Buffer.from("<svg onload=alert(1)>") },
    { room: "__proto__", key: "__proto__", text: "__proto__" },
    { to: "__proto__", text: "x" },
    { to: "except", page: "nobody", text: "x" },
    JSON.parse(`{"__proto__":{"text":"x"}}`) as unknown,
  ];

  test.each([["/", ["name", "join", "leave", "say"]] as const, ["/broadcast", ["announce"]] as const])(
    "nonsense on %s is refused with a reason, and does no harm",
    async (nsp, events) => {
      const socket = io(demo.origin + nsp, { forceNew: true, auth: { rooms: 7, name: [], page: {} } });
      clients.push(socket);
      const problems: { ok: boolean; error?: string }[] = [];
      for (const event of events) {
        for (const value of nonsense) {
          socket.emit(event, value); // the answer is not needed
          problems.push((await socket.emitWithAck(event, value)) as { ok: boolean; error?: string });
        }
      }
      const refused = problems.filter(({ ok }) => !ok);
      expect(refused.length).toBeGreaterThan(events.length * 10);
      for (const { error } of refused) expect(error).toMatch(/^[A-Z].*\.$/s);
      expect(refused.map(({ error }) => error)).not.toContain("The server failed.");
      expect(socket.connected).toBe(true);
      expect(demo.errors()).toBe("");
    },
  );

  test("a message sent again under its key is kept and delivered once", async () => {
    const [ada, bo] = await Promise.all([
      join(demo, ["websocket"], { name: "Ada", rooms: ["once"] }),
      join(demo, ["websocket"], { name: "Bo", rooms: ["once"] }),
    ]);
    const received: unknown[] = [];
    bo.on("message", (message: unknown) => received.push(message));
    const message = { room: "once", key: "key-1", text: "one" };
    const first = (await ada.emitWithAck("say", message)) as unknown;
    expect(await ada.emitWithAck("say", message)).toEqual(first);
    await ada.emitWithAck("say", { ...message, key: "key-2", text: "two" });
    await bo.emitWithAck("echo");
    expect(received).toMatchObject([{ text: "one" }, { text: "two" }]);
  });

  test("the history for newcomers is bounded, pictures more so", async () => {
    const ada = await join(demo, ["websocket"], { name: "Ada", rooms: ["history"] });
    const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(100)]);
    for (let index = 0; index < 60; index += 1) {
      await ada.emitWithAck("say", {
        room: "history",
        key: `k${index}`,
        text: `n${index}`,
        ...(index > 50 && { picture }),
      });
    }
    const bo = await join(demo, ["websocket"], { name: "Bo" });
    const history = arrival(bo, "history");
    bo.emit("join", "history");
    const [{ messages }] = (await history) as [{ messages: { text: string; picture?: { bytes?: Buffer } }[] }];
    expect(messages.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, index) => `n${index + 10}`));
    expect(messages.filter((each) => each.picture)).toHaveLength(9);
    expect(messages.filter((each) => each.picture?.bytes).map(({ text }) => text)).toEqual([
      "n56",
      "n57",
      "n58",
      "n59",
    ]);
  });

  test("too large a picture is refused with the limit, and the page stays", async () => {
    const ada = await join(demo, ["websocket"]);
    const picture = Buffer.concat([Buffer.from("GIF8"), Buffer.alloc(1024 * 1024)]);
    const answer = (await ada.emitWithAck("say", { room: "harbour", key: "p", text: "x", picture })) as object;
    expect(answer).toEqual({ ok: false, error: "The picture has 1048580 bytes, 1048576 are allowed." });
    expect(ada.connected).toBe(true);
  });
});

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { format } from "node:util";
import { io as connect } from "@portage/client";
import { Server } from "@portage/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLog } from "../../../packages/server/src/base/log.ts";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { nextEvent } from "../../support/waiting.ts";

/** The package `debug` that the server logs with. */
interface Debug {
  enable(namespaces: string): void;
  disable(): string;
  log: (...args: unknown[]) => void;
  formatArgs: (args: unknown[]) => void;
}
const debug = createRequire(new URL("../../../packages/server/package.json", import.meta.url))("debug") as Debug;

const { log, formatArgs } = debug;
let lines: string[];
let before: string;
beforeEach(() => {
  before = debug.disable();
  lines = [];
  debug.formatArgs = function (this: { namespace: string }, args: unknown[]) {
    args[0] = `${this.namespace} ${String(args[0])}`;
  };
  debug.log = (...args) => void lines.push(format(...args));
});
afterEach(() => {
  Object.assign(debug, { log, formatArgs });
  debug.enable(before);
});

/** Runs a client that joins, is refused twice, and leaves; returns the server's log. */
async function visit(): Promise<string[]> {
  const host = new Host();
  const io = new Server(host.http);
  io.of("/closed").use((_socket, next) => next(new Error("not today")));
  io.on("connection", (socket) => {
    void socket.join("kitchen");
    socket.on("question", (answer: (value: number) => void) => {
      for (const price of [1, 2, 3]) socket.volatile.emit("price", price);
      answer(42);
    });
  });
  await host.listen();
  const url = `http://localhost:${host.port}`;
  const client = connect(url, { forceNew: true });
  await nextEvent(client.io.engine, "upgrade");
  await client.emitWithAck("question");
  const file = { port: host.port, path: "/socket.io/socket.io.js", headers: { "accept-encoding": "gzip" } };
  const { headers } = await call(file);
  await call({ ...file, headers: { ...file.headers, "if-none-match": headers.etag ?? "" } });
  for (const name of ["/closed", "/nowhere"]) {
    const refused = connect(url + name, { forceNew: true, transports: ["websocket"] });
    await nextEvent(refused, "connect_error");
    refused.disconnect();
  }
  const gone = nextEvent([...io.sockets.sockets.values()][0]!, "disconnect");
  client.disconnect();
  await gone;
  await io.close();
  await host.drained();
  return lines;
}

test.each([
  ["*", /./],
  ["engine*,socket.io:*", /^(engine|socket\.io)/],
])("DEBUG=%s, switched on at run time, says what the server does", async (namespaces, only) => {
  debug.enable(namespaces);
  const said = await visit();
  const expected = [
    /^engine handling GET \/socket\.io\/\?.*transport=polling/,
    /^engine handling upgrade GET/,
    /^engine handshaking client \S+ over polling, revision 4/,
    /^engine:socket session \S+ received packet message '20\["question"\]'/,
    /^engine:socket session \S+ sends packet message/,
    /^engine:socket session \S+ upgraded to websocket/,
    /^engine:transport polling of session \S+ is closed/,
    /^socket\.io:client client \S+ asks to join namespace \/nowhere/,
    /^socket\.io:client client \S+ was refused by namespace \/nowhere/,
    /^socket\.io:client client \S+ was refused by namespace \/closed/,
    /^socket\.io:namespace a client of session \S+ was refused by \/closed: not today \(MIDDLEWARE_REFUSED\)/,
    /^socket\.io:namespace a client of session \S+ was refused by \/nowhere: Invalid namespace \(UNKNOWN_NAMESPACE\)/,
    /^socket\.io:client client \S+: a volatile packet is discarded/,
    /^socket\.io:client-files serving socket\.io\.js, gzip/,
    /^socket\.io:client-files socket\.io\.js: the client has it already \(304\)/,
    /^socket\.io:namespace socket \S+ is connected to \//,
    /^socket\.io:socket socket \S+ joins 'kitchen'/,
    /^socket\.io:socket socket \S+ got packet .*question/,
    /^socket\.io:socket socket \S+ is disconnected: client namespace disconnect/,
  ];
  for (const pattern of expected)
    expect(
      said.find((line) => pattern.test(line)),
      String(pattern),
    ).toBeDefined();
  for (const line of said) expect(line).toMatch(only);
});

test("one scope alone, and none once it is switched off", async () => {
  debug.enable("socket.io:socket");
  const said = await visit();
  expect(said.length).toBeGreaterThan(0);
  expect(said.filter((line) => !line.startsWith("socket.io:socket "))).toEqual([]);
  debug.disable();
  lines = [];
  expect(await visit()).toEqual([]);
});

test("the check of a scope reads a plain property, which follows `debug`", () => {
  const scope = createLog("a-test:scope");
  const seen = vi.fn();
  for (const namespaces of ["", "a-test:*", "other", "a-test:scope", "*,-a-test:*"]) {
    debug.enable(namespaces);
    seen(scope.enabled);
  }
  expect(seen.mock.calls.flat()).toEqual([false, true, false, true, false]);
  expect(Object.getOwnPropertyDescriptor(scope, "enabled")).toHaveProperty("value");
});

test("enable() that was taken out of the package before the server was loaded works", () => {
  const packageOf = (name: string): string =>
    JSON.stringify(join(import.meta.dirname, "../../../packages/server", name));
  const program = `
    const { createRequire } = require("node:module");
    const debug = createRequire(${packageOf("package.json")})("debug");
    const { enable, disable } = debug;
    const lines = [];
    debug.log = (line) => lines.push(line);
    const { Server } = require(${packageOf("dist/index.js")});
    const count = async (name) => {
      await undefined;
      lines.length = 0;
      new Server().of(name);
      return lines.length;
    };
    (async () => {
      const counts = [await count("/a")];
      enable("socket.io:namespace");
      counts.push(await count("/b"));
      disable();
      counts.push(await count("/c"));
      console.log(JSON.stringify(counts));
    })();`;
  const output = execFileSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, DEBUG: "" },
  });
  expect(JSON.parse(output)).toEqual([0, 2, 0]);
});

test("the client follows an `enable` that was taken from the package before, too", () => {
  const packageOf = (name: string): string =>
    JSON.stringify(join(import.meta.dirname, "../../../packages/client", name));
  const program = `
    const { createRequire } = require("node:module");
    const debug = createRequire(${packageOf("package.json")})("debug");
    const { enable, disable } = debug;
    const lines = [];
    debug.log = (line) => lines.push(line);
    const { Manager } = require(${packageOf("dist/main.js")});
    const count = async () => {
      await undefined;
      lines.length = 0;
      const manager = new Manager("http://127.0.0.1:1", { reconnection: false });
      manager._close();
      return lines.length;
    };
    (async () => {
      const counts = [await count()];
      enable("socket.io-client:manager");
      counts.push(await count());
      disable();
      counts.push(await count());
      console.log(JSON.stringify(counts));
    })();`;
  const output = execFileSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, DEBUG: "" },
  });
  const [before, enabled, after] = JSON.parse(output) as number[];
  expect([before, enabled! > 0, after]).toEqual([0, true, 0]);
});

import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, ROOT, run } from "./packed-project.ts";

// A replacement of socket.io-client, as npm installs it from the packed tarball.

const require = createRequire(import.meta.url);
const compilerOf = (name: string): string =>
  name === "typescript"
    ? join(ROOT, "node_modules/typescript/bin/tsc")
    : join(realpathSync(dirname(require.resolve(`${name}/package.json`))), "bin/tsc");

let project: Project;

beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project.remove());

const NAMES = ["Fetch", "Manager", "NodeWebSocket", "NodeXHR", "Socket", "WebSocket", "XHR", "connect", "io"];

describe("in Node.js", () => {
  test("require() gives a function that carries every name that import has", async () => {
    const program = `
      const io = require("socket.io-client");
      console.log(JSON.stringify([typeof io, Object.keys(io).sort(), io.io === io, io.connect === io]));`;
    const names = [...NAMES, "ClientError", "protocol"].sort();
    expect(await project.run("cjs", program)).toEqual(["function", names, true, true]);
  });

  test("import gives the names, the default, and the same classes as require()", async () => {
    const program = `
      import io, * as client from "socket.io-client";
      import { createRequire } from "node:module";
      const required = createRequire(import.meta.url)("socket.io-client");
      const missing = ${JSON.stringify(NAMES)}.filter((name) => typeof client[name] !== "function");
      console.log(JSON.stringify([missing, client.protocol, io === client.io, required.Manager === client.Manager]));`;
    expect(await project.run("mjs", program)).toEqual([[], 5, true, true]);
  });

  test("the entry `debug` of socket.io-client is the main one in Node.js", async () => {
    const program = `
      import * as client from "socket.io-client";
      import * as debug from "socket.io-client/debug";
      import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      console.log(JSON.stringify([client === debug, require("socket.io-client/debug") === require("socket.io-client")]));`;
    expect(await project.run("mjs", program)).toEqual([true, true]);
  });

  test("the entry `webtransport` has a class for the option `transports`, of the same engine", async () => {
    const program = `
      import { WebTransport } from "socket.io-client/webtransport";
      import { Transport } from "socket.io-client/engine";
      import { createRequire } from "node:module";
      const required = createRequire(import.meta.url)("socket.io-client/webtransport");
      const { name } = WebTransport.prototype;
      console.log(JSON.stringify([name, WebTransport.prototype instanceof Transport, required.WebTransport === WebTransport]));`;
    expect(await project.run("mjs", program)).toEqual(["webtransport", true, true]);
  });

  test("the entry `trace` takes the managers of both entries, and has one copy", async () => {
    const program = `
      import { Manager } from "socket.io-client";
      import { traced } from "socket.io-client/trace";
      import { Manager as WebSocketManager } from "socket.io-client/websocket";
      import { createRequire } from "node:module";
      const required = createRequire(import.meta.url)("socket.io-client/trace");
      const made = [Manager, WebSocketManager].map((each) => traced(each, {})("http://localhost", { autoConnect: false }).io);
      const areTheirs = [made[0] instanceof Manager, made[1] instanceof WebSocketManager];
      console.log(JSON.stringify([...areTheirs, required.traced === traced]));`;
    expect(await project.run("mjs", program)).toEqual([true, true, true]);
  });

  test("DEBUG shows logs", async () => {
    const program = `
      process.env.DEBUG = "socket.io-client*";
      const lines = [];
      process.stderr.write = (line) => lines.push(line);
      const { createServer } = require("http");
      const http = createServer();
      const io = require("socket.io")(http);
      http.listen(0, () => {
        const client = require("socket.io-client")("http://localhost:" + http.address().port);
        client.on("connect", () => {
          client.disconnect();
          io.close();
          console.log(JSON.stringify(lines.some((line) => /socket.io-client:manager.*open/.test(line))));
        });
      });`;
    expect(await project.run("cjs", program)).toBe(true);
  });

  test("debug.enable() and debug.disable() at run time reach connections that are there", async () => {
    const program = `
      const debug = require(require.resolve("debug", { paths: [require.resolve("socket.io-client")] }));
      const lines = [];
      debug.log = (line) => lines.push(line);
      const { createServer } = require("http");
      const http = createServer();
      const io = require("socket.io")(http);
      io.on("connection", (socket) => socket.on("echo", (give) => give()));
      const client = require("socket.io-client");
      const count = async (socket) => {
        lines.length = 0;
        await socket.emitWithAck("echo");
        return lines.filter((line) => /socket.io-client:socket/.test(line)).length;
      };
      http.listen(0, () => {
        const socket = client("http://localhost:" + http.address().port, { transports: ["websocket"] });
        socket.on("connect", async () => {
          const counts = [await count(socket)];
          debug.enable("socket.io-client:*");
          counts.push(await count(socket));
          debug.disable();
          counts.push(await count(socket));
          console.log(JSON.stringify(counts));
          socket.disconnect();
          io.close();
        });
      });`;
    expect(await project.run("cjs", program)).toEqual([0, 2, 0]);
  });

  test("the files for browsers have the paths of socket.io-client", async () => {
    const program = `
      const fs = require("fs");
      const files = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
      const found = files.flatMap((file) => [file, file + ".map"]).map((file) => require.resolve("socket.io-client/dist/" + file));
      const served = files.map((file) => require("path").join(require.resolve("socket.io/package.json"), "../client-dist", file));
      console.log(JSON.stringify([...found, ...served].filter((file) => !fs.existsSync(file))));`;
    expect(await project.run("cjs", program)).toEqual([]);
  });
});

describe("in other places", () => {
  const bundle = async (options: Parameters<typeof build>[0]): Promise<string> => {
    const entry = await project.write("entry.js", `import { io } from "socket.io-client"; console.log(io);`);
    const result = await build({ entryPoints: [entry], bundle: true, write: false, metafile: true, ...options });
    return Object.keys(result.metafile?.inputs ?? {}).join("\n");
  };

  test("React Native gets modules without Node.js, by conditions or by main fields", async () => {
    const own = (inputs: string): string =>
      inputs
        .split("\n")
        .filter((file) => !file.endsWith("entry.js"))
        .join("\n");
    const byConditions = own(await bundle({ platform: "neutral", conditions: ["react-native"] }));
    expect(byConditions).toMatch(/dist\/es2017\/index\.js/);
    expect(byConditions).not.toMatch(/\.node\.js|@portage\/(parser|websocket)/);
  });

  test("a bundle for Node.js gets the same as require()", async () => {
    expect(await bundle({ platform: "node" })).toMatch(/websocket\.node\.js/);
  });
});

describe("types", () => {
  const PROGRAM = `
    import io, { connect, Fetch, io as named, Manager, protocol, Socket } from "socket.io-client";
    import { traced, type TraceOptions } from "socket.io-client/trace";
    import { WebTransport } from "socket.io-client/webtransport";
    import type {
      DisconnectDescription, ExtendedError, ManagerOptions, ManagerReservedEvents, SocketOptions, SocketReservedEvents,
    } from "socket.io-client";

    interface Incoming { news: (text: string) => void }
    interface Outgoing { ask: (question: string, answer: (length: number) => void) => void }
    const options: Partial<ManagerOptions & SocketOptions> = { auth: { token: "x" }, retries: 1, transports: ["websocket"] };
    const socket: Socket<Incoming, Outgoing> = io("http://localhost", options);
    socket.on("news", (text) => text.length);
    socket.on("connect_error", (error: ExtendedError) => error.data);
    socket.on("disconnect", (reason: Socket.DisconnectReason, details?: DisconnectDescription) => [reason, details]);
    socket.emit("ask", "why", (length) => length.toFixed());
    socket.timeout(5).emit("ask", "why", (error, length) => [error.message, length.toFixed()]);
    const answer: Promise<number> = socket.emitWithAck("ask", "why");
    // @ts-expect-error: there is no such event
    socket.emit("tell");
    new Manager("http://localhost", options).reconnectionDelay(5).socket("/chat");
    io("http://localhost", { transports: [Fetch, WebTransport] });
    const trace: TraceOptions = { traceparent: ({ event }) => event, onEvent: ({ traceparent }, run) => run() };
    const tracedSocket: Socket<Incoming, Outgoing> = traced(Manager, trace)("http://localhost", options);
    tracedSocket.emit("ask", "why", (length) => length.toFixed());
    export const all: unknown[] = [connect, named, protocol, answer, {} as ManagerReservedEvents, {} as SocketReservedEvents];
  `;

  test.each([
    ["typescript-5.9", "node10", "commonjs", ["client.ts"]],
    ["typescript-5.0", "node16", "node16", ["client.mts", "client.cts"]],
    ["typescript", "nodenext", "nodenext", ["client.mts", "client.cts"]],
    ["typescript", "bundler", "esnext", ["client.ts"]],
  ])("with %s, moduleResolution %s", async (compiler, moduleResolution, module, files) => {
    for (const file of files) await project.write(file, PROGRAM);
    const flags = {
      module,
      moduleResolution,
      target: "es2022",
      lib: "es2022,dom",
      types: "node",
      esModuleInterop: "true",
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const skip = compiler === "typescript" ? [] : ["--skipLibCheck"];
    await run(
      process.execPath,
      [compilerOf(compiler), "--noEmit", "--strict", ...skip, ...args, ...files],
      project.folder,
    );
  });
});

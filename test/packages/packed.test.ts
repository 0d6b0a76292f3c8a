import { existsSync, realpathSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, ROOT, run } from "./packed-project.ts";

// Replacements of the reference's packages, as npm installs them from the packed tarballs.

const require = createRequire(import.meta.url);
const packageFile = (name: string, file: string): string =>
  join(realpathSync(dirname(require.resolve(`${name}/package.json`))), file);

const compilerOf = (name: string): string =>
  name === "typescript" ? join(ROOT, "node_modules/typescript/bin/tsc") : packageFile(name, "bin/tsc");

let project: Project;

beforeAll(async () => {
  project = await createProject();
  await project.link("@opentelemetry/api");
});

afterAll(() => project.remove());

/** The exports of each entry, by the package that it replaces. */
const NAMES = {
  "socket.io": ["Server", "Namespace", "Socket"],
  "engine.io": ["Server", "Socket", "Transport", "transports", "listen", "attach", "parser", "protocol"],
  "socket.io/engine": ["Server", "Socket", "Transport", "transports", "listen", "attach", "parser", "protocol"],
  "socket.io/adapter": [
    "Adapter",
    "SessionAwareAdapter",
    "ClusterAdapter",
    "ClusterAdapterWithHeartbeat",
    "MessageType",
  ],
  "socket.io-adapter": [
    "Adapter",
    "SessionAwareAdapter",
    "ClusterAdapter",
    "ClusterAdapterWithHeartbeat",
    "MessageType",
  ],
  "socket.io/fastify": ["portage", "PortageFastifyError"],
  "socket.io/dashboard": ["dashboard", "DashboardError"],
  "socket.io/doctor": ["diagnose", "report", "CODES"],
  "socket.io/logs": ["logProblems"],
  "socket.io/metrics": ["collectMetrics", "METRICS"],
  "socket.io/otel": ["instrument"],
  "socket.io-parser": ["protocol", "PacketType", "Encoder", "Decoder", "isPacketValid"],
  "engine.io-parser": ["protocol", "encodePacket", "decodePacket", "encodePayload", "decodePayload"],
  "@portage/parser/engine-v3": ["protocol", "packets", "encodePacket", "decodePacket", "encodePayloadAsBinary"],
  "@portage/parser/socket": ["protocol", "PacketType", "Encoder", "Decoder", "isPacketValid"],
};

test.each(["socket.io", "socket.io-client", "@portage/parser", "@portage/websocket"])(
  "%s has nothing that was built from a source that is gone, and no record of the compiler",
  async (name) => {
    const folder = join(project.folder, "node_modules", name);
    const files = await readdir(join(folder, "dist"), { recursive: true });
    const declared = files.filter((file) => file.endsWith(".d.ts"));
    expect(declared.length).toBeGreaterThan(3);
    expect(declared.filter((file) => !existsSync(join(folder, "src", file.replace(/\.d\.ts$/, ".ts"))))).toEqual([]);
    expect(files.filter((file) => file.endsWith("tsbuildinfo"))).toEqual([]);
  },
);

describe("entries", () => {
  const missing = `(entries) => Object.entries(entries).map(([name, module]) => [
    name, ${JSON.stringify(NAMES)}[name].filter((each) => module[each] === undefined),
  ])`;
  const complete = Object.keys(NAMES).map((name) => [name, []]);
  const specifiers = JSON.stringify(Object.keys(NAMES));

  test("give their names to require()", async () => {
    const program = `
      const entries = Object.fromEntries(${specifiers}.map((name) => [name, require(name)]));
      console.log(JSON.stringify((${missing})(entries)));`;
    expect(await project.run("cjs", program)).toEqual(complete);
  });

  test("give their names to import statements", async () => {
    const imports = Object.entries(NAMES).map(([name, names], index) => {
      const bindings = names.map((each) => `${each} as ${each}${index}`);
      return `import { ${bindings.join(", ")} } from "${name}";\n`;
    });
    const program = `${imports.join("")} console.log(JSON.stringify([typeof Server0, protocol1]));`;
    expect(await project.run("mjs", program)).toEqual(["function", 4]);
  });

  test("are one instance, whichever way they are loaded", async () => {
    const program = `
      import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      const same = [];
      for (const name of ${specifiers}) {
        const [required, imported] = [require(name), await import(name)];
        const names = ${JSON.stringify(NAMES)}[name];
        same.push([name, names.filter((each) => required[each] !== imported[each])]);
      }
      console.log(JSON.stringify(same));`;
    expect(await project.run("mjs", program)).toEqual(complete);
  });

  test("of the server can be called, and export their package.json", async () => {
    const program = `
      const io = require("socket.io");
      const server = io({ path: "/live" });
      console.log(JSON.stringify([
        server instanceof io.Server,
        server.path(),
        new io.Server().sockets instanceof io.Namespace,
        require("socket.io/package.json").version.split(".")[0],
        require("socket.io-parser/package.json").version.split(".")[0],
      ]));`;
    expect(await project.run("cjs", program)).toEqual([true, "/live", true, "4", "4"]);
  });

  test("of the engine have the static shape of engine.io", async () => {
    const program = `
      const engine = require("engine.io");
      console.log(JSON.stringify({
        protocol: engine.protocol,
        errors: engine.Server.errors,
        messages: Object.values(engine.Server.errorMessages),
        transports: Object.keys(engine.transports),
        upgradesTo: engine.transports.polling.upgradesTo,
        packet: engine.parser.decodePacket("4hello"),
        server: new engine.Server({ pingTimeout: 1 }).opts.pingTimeout,
      }));`;
    expect(await project.run("cjs", program)).toEqual({
      protocol: 4,
      errors: {
        UNKNOWN_TRANSPORT: 0,
        UNKNOWN_SID: 1,
        BAD_HANDSHAKE_METHOD: 2,
        BAD_REQUEST: 3,
        FORBIDDEN: 4,
        UNSUPPORTED_PROTOCOL_VERSION: 5,
      },
      messages: [
        "Transport unknown",
        "Session ID unknown",
        "Bad handshake method",
        "Bad request",
        "Forbidden",
        "Unsupported protocol version",
      ],
      transports: ["polling", "websocket", "webtransport"],
      upgradesTo: ["webtransport", "websocket"],
      packet: { type: "message", data: "hello" },
      server: 1,
    });
  });
});

/** The body of a program: an echo server, and a client that gets an answer and the transport it ends up with. */
const ECHO = `
  const http = createServer((req, res) => res.end("plain"));
  const io = makeServer(http);
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value, socket instanceof Socket)));
  http.listen(0, async () => {
    const client = connect("http://localhost:" + http.address().port);
    const [echo, isSocket] = await new Promise((resolve) => client.emit("echo", { bytes: Buffer.from("!") }, (...all) => resolve(all)));
    if (client.io.engine.transport.name === "polling") {
      await new Promise((resolve) => client.io.engine.once("upgrade", resolve));
    }
    done({ echo: echo.bytes.toString(), isSocket, transport: client.io.engine.transport.name });
    client.disconnect();
    io.close();
  });
`;
const ECHOED = { echo: "!", isSocket: true, transport: "websocket" };

describe("programs written for socket.io", () => {
  test("as CommonJS", async () => {
    const head = `
      const { createServer } = require("http");
      const makeServer = require("socket.io");
      const { Socket } = makeServer;
      const { io: connect } = require("socket.io-client");
      const done = (value) => console.log(JSON.stringify(value));`;
    expect(await project.run("cjs", head + ECHO)).toEqual(ECHOED);
  });

  test("as ES module", async () => {
    const head = `
      import { createServer } from "node:http";
      import { Server, Socket } from "socket.io";
      import { io as connect } from "socket.io-client";
      const makeServer = (http) => new Server(http);
      const done = (value) => console.log(JSON.stringify(value));`;
    expect(await project.run("mjs", head + ECHO)).toEqual(ECHOED);
  });

  test("inside Jest", async () => {
    const spec = `
      const { createServer } = require("http");
      const { Server, Socket } = require("socket.io");
      const { io: connect } = require("socket.io-client");
      const makeServer = (http) => new Server(http);
      test("echo", async () => {
        const result = await new Promise((done) => { ${ECHO} });
        expect(result).toEqual(${JSON.stringify(ECHOED)});
      });`;
    await project.write("jest.config.json", JSON.stringify({ testEnvironment: "node", transform: {} }));
    await project.write("echo.spec.js", spec);
    const flags = ["--config", "jest.config.json", "--runInBand", "--watchman=false", "--cache=false"];
    await run(process.execPath, [packageFile("jest", "bin/jest.js"), ...flags], project.folder);
  });
});

describe("types", () => {
  /** A program that compiles everywhere. */
  const PROGRAM = `
    import {
      BroadcastOperator, Namespace, RemoteSocket, Server, Socket,
      type DefaultEventsMap, type DisconnectReason, type Event, type ExtendedError, type ServerOptions,
    } from "socket.io";
    import { Decoder, Encoder, PacketType, protocol, type DecoderOptions, type Packet } from "socket.io-parser";

    interface Incoming { ask: (question: string, answer: (length: number) => void) => void }
    const options: Partial<ServerOptions> = { cors: { origin: "https://example.org" }, parser: { Encoder, Decoder } };
    const io = new Server<Incoming, DefaultEventsMap, DefaultEventsMap, { name: string }>(options);
    io.use((socket, next) => next(socket.data.name ? undefined : (new Error("who?") as ExtendedError)));
    io.on("connection", (socket) => {
      socket.use(([event]: Event, next) => next());
      socket.on("ask", (question, answer) => answer(question.length));
      // @ts-expect-error: the question is a string
      socket.on("ask", (question: number) => question);
      socket.on("disconnect", (reason: DisconnectReason) => reason);
    });
    const main: Namespace<Incoming, DefaultEventsMap, DefaultEventsMap, { name: string }> = io.of("/");
    const operator: BroadcastOperator<DefaultEventsMap, { name: string }> = io.to("room");
    const sockets: Promise<RemoteSocket<DefaultEventsMap, { name: string }>[]> = io.fetchSockets();
    const packet: Packet = { type: PacketType.EVENT, nsp: "/", data: [protocol] };
    export const all: unknown[] = [main, operator, sockets, packet, {} as DecoderOptions, {} as Socket];
  `;

  /** Entries below the main one, where \`exports\` or \`typesVersions\` are read. */
  const SUBPATHS = `
    import { listen, parser, Server, type AttachOptions, type BaseServer, type ErrorCallback, type ServerOptions } from "socket.io/engine";
    import { CODES, diagnose, report, type Diagnosis, type DoctorOptions, type Finding } from "socket.io/doctor";
    import { decodePacket, type BinaryType, type PacketType, type RawData } from "@portage/parser/engine";
    import { decodePayload } from "@portage/parser/engine-v3";
    import { Decoder } from "@portage/parser/socket";
    const engine: BaseServer = listen(0, { pingInterval: 1, path: "/x" } satisfies AttachOptions & ServerOptions);
    const examined = async (options: DoctorOptions): Promise<Diagnosis> => diagnose("http://localhost", options);
    export const all: unknown[] = [CODES, examined, report, engine, Server, parser, decodePacket, decodePayload, Decoder];
    export type All = [Finding, ErrorCallback, BinaryType, PacketType, RawData];
  `;

  /** Files of the reference that programs import types from by their path. */
  const PATHS = `
    import type { DefaultEventsMap, EventsMap } from "socket.io/dist/typed-events";
    import type { Client } from "socket.io/dist/client";
    import type { ExtendedError } from "socket.io/dist/namespace";
    import type { Socket } from "socket.io/dist/socket";
    import type { BroadcastOperator, RemoteSocket } from "socket.io/dist/broadcast-operator";
    import type { ParentNamespace } from "socket.io/dist/parent-namespace";
    import type { DisconnectReason, EventEmitterReservedEventsMap, Handshake, RESERVED_EVENTS, SocketReservedEventsMap } from "socket.io/dist/socket-types";
    export type All = [EventsMap, DefaultEventsMap, Client, ExtendedError, Socket, BroadcastOperator<EventsMap, {}>, RemoteSocket<EventsMap, {}>];
    export type More = [ParentNamespace, DisconnectReason, EventEmitterReservedEventsMap, Handshake, typeof RESERVED_EVENTS, SocketReservedEventsMap];
  `;

  test.each([
    ["typescript-5.9", "node10", "commonjs", ["main.ts", "subpaths.ts", "paths.ts"]],
    ["typescript-5.0", "node16", "node16", ["main.mts", "subpaths.cts"]],
    ["typescript", "nodenext", "nodenext", ["main.mts", "main.cts", "subpaths.mts", "subpaths.cts"]],
    ["typescript", "bundler", "esnext", ["main.ts", "subpaths.ts"]],
  ])("with %s, moduleResolution %s", async (compiler, moduleResolution, module, files) => {
    const sources: Record<string, string> = { main: PROGRAM, subpaths: SUBPATHS, paths: PATHS };
    for (const file of files) await project.write(file, sources[file.replace(/\..*/, "")] ?? "");
    const flags = { module, moduleResolution, target: "es2022", lib: "es2022", types: "node" };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    // The native compiler checks the declarations themselves, too; the others would take seconds to.
    const skip = compiler === "typescript" ? [] : ["--skipLibCheck"];
    await run(
      process.execPath,
      [compilerOf(compiler), "--noEmit", "--strict", ...skip, ...args, ...files],
      project.folder,
    );
  });
});

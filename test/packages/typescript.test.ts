import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { createProject, type Project, ROOT, run } from "./packed-project.ts";

// The declarations under old compilers, targets and libraries; checked without `skipLibCheck` by default.
// docs/migrating.md names the oldest of each.

/** Milliseconds; the compilers of old take long. */
const PATIENCE = 120_000;

const PAGE = `
  import io, { connect, Fetch, io as named, Manager, NodeWebSocket, protocol, Socket, WebSocket, XHR } from "socket.io-client";
  import type { ClientErrorCode, ManagerDiagnosis, ManagerOptions, SocketOptions } from "socket.io-client";
  interface Incoming { news: (text: string, answer: (length: number) => void) => void }
  interface Outgoing { ask: (text: string, bytes: ArrayBuffer, answer: (text: string) => void) => void }
  const options: Partial<ManagerOptions & SocketOptions> = { transports: ["websocket"], auth: { token: "x" } };
  const socket: Socket<Incoming, Outgoing> = io("https://example.org/x", options);
  socket.on("news", (text, answer) => answer(text.length));
  socket.emit("ask", "x", new ArrayBuffer(1), (text) => text.trim());
  // @ts-expect-error: there is not an event of this name
  socket.emit("nothing");
  socket.on("connect", () => socket.io.engine.transport.name.trim());
  socket.on("disconnect", (reason) => reason.trim());
  socket.on("connect_error", (error) => error.message.trim());
  const manager = new Manager("https://example.org", { reconnection: false });
  manager.on("reconnect_attempt", (attempt: number) => attempt.toFixed());
  export const all: unknown[] = [connect, Fetch, named, NodeWebSocket, protocol, WebSocket, XHR];
  export type All = [ClientErrorCode, ManagerDiagnosis];
`;

const SUBPATHS = `
  import { io } from "socket.io-client/websocket";
  import { Socket as Connection } from "socket.io-client/engine";
  import type { Socket } from "socket.io-client/build/esm/socket";
  import { Decoder, Encoder, PacketType } from "@portage/parser";
  import { decodePacket, encodePacket, toBuffer } from "@portage/parser/engine";
  import { decodePayload } from "@portage/parser/engine-v3";
  const [first]: Array<string | Uint8Array> = new Encoder().encode({ type: PacketType.EVENT, nsp: "/", data: ["a"] });
  const bytes: Uint8Array = toBuffer(new ArrayBuffer(1));
  export const all: unknown[] = [first, bytes, io, Connection, Decoder, decodePacket, encodePacket, decodePayload];
  export type All = Socket;
`;

const SERVER = `
  import { Namespace, Server, Socket, type ServerOptions } from "socket.io";
  import { Adapter, ClusterAdapter } from "socket.io/adapter";
  import { diagnose } from "socket.io/doctor";
  import { listen, Server as Engine } from "socket.io/engine";
  import WebSocket, { WebSocketServer } from "@portage/websocket";
  import { decodePacket, type RawData } from "@portage/parser/engine";
  interface Incoming { ask: (question: string, answer: (length: number) => void) => void }
  const options: Partial<ServerOptions> = { cors: { origin: "*" } };
  const server = new Server<Incoming>(3000, options);
  server.on("connection", (socket) => {
    socket.on("ask", (question, answer) => answer(question.length));
    socket.conn.on("packet", () => undefined);
  });
  new WebSocketServer({ port: 1 }).on("connection", (ws, request) => {
    ws.on("message", (data) => ws.send(data));
    ws.send(request.url ?? "");
  });
  const data: RawData = Buffer.from("x");
  if (typeof data !== "string") data.readUInt8(0);
  export const all: unknown[] = [Adapter, ClusterAdapter, decodePacket, diagnose, Engine, listen, Namespace, Socket, WebSocket];
`;

const NODE10 = { module: "commonjs", moduleResolution: "node", esModuleInterop: true };
const NODE16 = { module: "node16", moduleResolution: "node16" };
const BUNDLER = { module: "esnext", moduleResolution: "bundler" };

let project: Project;
let page = "";

beforeAll(async () => {
  project = await createProject();
  await project.write("server.ts", SERVER);
  // A page has only the client's dependencies: packages in @types would become part of its program.
  page = await realpath(await mkdtemp(join(tmpdir(), "portage-page-")));
  await mkdir(join(page, "node_modules"));
  for (const name of ["socket.io-client", "@portage/parser", "@portage/websocket"]) {
    const place = join("node_modules", name);
    await cp(await realpath(join(project.folder, place)), join(page, place), { recursive: true });
  }
  await writeFile(join(page, "page.ts"), PAGE);
  await writeFile(join(page, "subpaths.ts"), SUBPATHS);
});

afterAll(async () => {
  await project.remove();
  await rm(page, { recursive: true, force: true });
});

async function compile(version: string, folder: string, files: string[], options: object): Promise<void> {
  const compiler = version === "7" ? "node_modules/typescript" : `test/node_modules/typescript-${version}`;
  const compilerOptions = { strict: true, noEmit: true, ...options };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  await run(process.execPath, [join(ROOT, compiler, "bin/tsc"), "-p", folder], folder, PATIENCE);
}

describe("a page without the types of Node.js", () => {
  test.each<[version: string, target: string, options: object]>([
    ["4.8", "es5", NODE10],
    ["4.8", "es2017", NODE16],
    ["5.0", "es2017", BUNDLER],
    ["5.9", "es5", NODE10],
    ["7", "es2015", BUNDLER],
    ["7", "es2022", { ...NODE16, lib: ["es2022", "webworker"], exactOptionalPropertyTypes: true }],
  ])("TypeScript %s, target %s", async (version, target, options) => {
    await compile(version, page, ["page.ts", "subpaths.ts"], { target, ...options });
  });

  test("or with a Buffer of its own", async () => {
    await writeFile(join(page, "buffer.d.ts"), "declare var Buffer: any;");
    await compile("7", page, ["page.ts", "subpaths.ts", "buffer.d.ts"], { target: "es2015", ...BUNDLER });
  });
});

describe("a server", () => {
  test.each<[version: string, target: string, options: object]>([
    ["4.8", "es2019", NODE10],
    ["7", "es2022", NODE16],
  ])("TypeScript %s, target %s", async (version, target, options) => {
    await compile(version, project.folder, ["server.ts"], { target, types: ["node"], ...options });
  });
});

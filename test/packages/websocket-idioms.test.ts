import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

// Programs written for `ws` and @types/ws, compiled against the built package under that name.

const root = join(import.meta.dirname, "../..");

/** Idioms valid under every module resolution; `$import` stands for the program's import of the package. */
const SERVER = `
  import { createServer, IncomingMessage } from "http";
  import { Duplex } from "stream";
  interface Alive extends WebSocket { isAlive?: boolean }
  const wss = new WebSocketServer({ port: 8080, perMessageDeflate: { zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
    zlibInflateOptions: { chunkSize: 10 * 1024 }, clientNoContextTakeover: true, serverNoContextTakeover: true,
    serverMaxWindowBits: 10, concurrencyLimit: 10, threshold: 1024 } });
  wss.on("connection", function connection(ws, req) {
    const ip = req.socket.remoteAddress;
    const forwarded = (req.headers["x-forwarded-for"] as string).split(",")[0].trim();
    ws.on("error", console.error);
    ws.on("message", function message(data, isBinary) {
      wss.clients.forEach(function each(client) {
        if (client !== ws && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
      });
    });
    ws.on("pong", function (this: WebSocket) { (this as Alive).isAlive = true; });
    ws.on("close", (code: number, reason: Buffer) => console.log(code, reason.toString(), ip, forwarded));
    ws.send("something");
  });
  wss.on("connection", (ws: Alive, request: IncomingMessage, user: { id: string }) => {
    ws.isAlive = true;
    ws.on("message", (data: RawData) => { wss.clients.forEach((client) => client.send(data)); });
    ws.on("message", (message: string) => ws.send(\`\${user.id} \${message}\`));
    ws.on("message", (message: Buffer) => ws.send(JSON.parse(message.toString())));
    ws.send(new Float32Array(3));
    ws.ping(() => undefined);
    ws.ping("data", false, (err: Error) => console.log(err.message));
    ws.send("data", (err?: Error) => { if (err) console.error(err); });
  });
  const interval = setInterval(() => {
    for (const ws of wss.clients) {
      if ((ws as Alive).isAlive === false) { ws.terminate(); continue; }
      ws.ping();
    }
    Array.from(wss.clients).filter((sock) => sock.readyState === WebSocket.OPEN).length;
  }, 30000);
  wss.on("close", () => clearInterval(interval));
  wss.on("headers", (headers: string[], request) => headers.push("X: " + request.url));
  wss.on("wsClientError", (error, socket: Duplex, request) => socket.end(error.message + request.url));
  const server = createServer();
  const options: ServerOptions = { noServer: true };
  options.maxPayload = 5;
  options.verifyClient = (info: { origin: string; secure: boolean; req: IncomingMessage }, done) => done(info.secure, 401, "no", { "X-A": 1 });
  options.verifyClient = (info) => info.origin === "x";
  options.verifyClient = async ({ req }, callback) => { await Promise.resolve(); callback(!!req.url, 403, "Forbidden"); };
  options.handleProtocols = (protocols: Set<string>, request: IncomingMessage) => protocols.has(request.url!) ? "a" : false;
  const wss1 = new WebSocketServer(options, () => console.log("listening"));
  server.on("upgrade", function upgrade(request, socket, head) {
    socket.on("error", console.error);
    wss1.handleUpgrade(request, socket, head, function done(ws) { wss1.emit("connection", ws, request, { id: "1" }); });
    wss1.handleUpgrade(request, socket, head, (ws, req) => { const w: WebSocket = ws; w.protocol.length; req.url; });
  });
  class Own extends WebSocket { name = "own"; }
  const typed = new WebSocketServer<typeof Own>({ server, WebSocket: Own, clientTracking: true, backlog: 1, host: "x", path: "/p" });
  typed.on("connection", (socket) => socket.name.length);
  typed.clients.forEach(({ name }) => name.length);
  class Sub extends WebSocketServer { constructor() { super({ noServer: true }); } shouldHandle(req: IncomingMessage) { return req.url === "/"; } }
  const sub: WebSocketServer = new Sub();
  sub.path = "/assigned";
  const address = sub.address();
  if (typeof address === "object" && address) address.port.toFixed();
  sub.close((err) => console.log(err?.message));
  function heartbeat(this: WebSocket & { isAlive: boolean }) { this.isAlive = true; }
  export { typed, heartbeat, server };
`;

const CLIENT = `
  import { once } from "events";
  import { Agent } from "https";
  const ws = new WebSocket("ws://www.host.com/path", { perMessageDeflate: false, origin: "https://x", headers: { a: "b" } });
  const options: ClientOptions = { handshakeTimeout: 10, followRedirects: true, rejectUnauthorized: false, agent: new Agent(),
    maxPayload: 1, maxRedirects: 3, ca: "x", family: 4, skipUTF8Validation: true, protocolVersion: 13,
    generateMask(mask: Buffer) { mask.fill(0); }, finishRequest(request, websocket) { request.end(); websocket.url; } };
  options.headers = { Cookie: "a" };
  const other = new WebSocket(new URL("wss://x"), ["a", "b"], options);
  const third: WebSocket = new WebSocket("ws://x", "a", { auth: "a:b", timeout: 5 });
  ws.on("open", function open() { const array = new Float32Array(5); for (const i of array.keys()) array[i] = i / 2; ws.send(array); });
  ws.once("open", () => ws.send("x", { compress: true, fin: true, mask: true }, (error) => error?.message));
  ws.on("unexpected-response", (request, response) => { request.destroy(); response.statusCode; });
  ws.on("upgrade", (response) => response.headers);
  ws.on("redirect", (url, request) => { request.setHeader("a", url); });
  ws.off("open", () => undefined).removeAllListeners("x").removeListener("close", () => undefined);
  const onOpen = (event: WebSocketNamespace.Event): void => { event.target.send(event.type); };
  ws.onopen = onOpen;
  ws.onmessage = (event: WebSocketNamespace.MessageEvent) => { const data: WebSocketNamespace.Data = event.data; String(data); event.target.close(); };
  ws.onmessage = ({ data }) => { if (typeof data === "string") data.trim(); else if (Array.isArray(data)) data[0].length; };
  ws.onclose = (event: WebSocketNamespace.CloseEvent) => { if (!event.wasClean) console.log(event.code, event.reason); };
  ws.onerror = (event: WebSocketNamespace.ErrorEvent) => { console.log(event.message, event.error.code); };
  ws.onerror = null;
  ws.addEventListener("message", (event) => event.data.toString());
  ws.addEventListener("close", { handleEvent: (event) => event.code.toFixed() }, { once: true });
  const map: { [K in keyof WebSocketNamespace.WebSocketEventMap]?: (event: WebSocketNamespace.WebSocketEventMap[K]) => void } = {};
  map.message = ({ data }) => void data;
  ws.removeEventListener("message", () => undefined);
  ws.binaryType = "arraybuffer";
  const state: 0 | 1 | 2 | 3 = ws.readyState;
  if (ws.readyState !== ws.OPEN && state === WebSocket.CONNECTING) ws.pause();
  ws.close(1000, Buffer.from("x"));
  const raw: RawData = Buffer.alloc(1);
  ws.send(raw);
  ws.send([Buffer.alloc(1)]);
  ws.send(new ArrayBuffer(1));
  ws.send(new DataView(new ArrayBuffer(1)));
  ws.send(5);
  const duplex = createWebSocketStream(ws, { encoding: "utf8" });
  duplex.on("error", console.error);
  duplex.pipe(process.stdout);
  process.stdin.pipe(duplex);
  const emitter: import("events").EventEmitter = ws;
  const queue: Map<string, WebSocket> = new Map([["a", ws]]);
  async function run() { await once(ws, "open"); const [m] = (await once(ws, "message")) as [RawData]; return m.toString(); }
  const listener: (this: WebSocket, data: WebSocketNamespace.RawData, isBinary: boolean) => void = function () { this.close(); };
  ws.on("message", listener);
  const sync: WebSocketNamespace.VerifyClientCallbackSync = (info) => info.secure;
  const later: WebSocketNamespace.VerifyClientCallbackAsync = (info, done) => done(!!info.req.url);
  const serverOptions: WebSocketNamespace.ServerOptions[] = [{ verifyClient: sync }, { verifyClient: later }];
  const deflate: WebSocketNamespace.PerMessageDeflateOptions = { threshold: 5 };
  deflate.level;
  export { run, emitter, queue, other, third, serverOptions };
`.replace("  deflate.level;\n", "  deflate.threshold = 6;\n");

const NAMES = "createWebSocketStream, WebSocketServer, type ClientOptions, type RawData, type ServerOptions";
/** The ways to import the package, each with its names for the other exports. */
const WAYS: Record<string, string> = {
  default: `import WebSocket, { ${NAMES} } from "ws"; import WebSocketNamespace from "ws";`,
  names: `import { WebSocket, ${NAMES} } from "ws"; import type WebSocketNamespace from "ws";`,
  equals: `import WebSocket = require("ws"); import WebSocketNamespace = require("ws");
    const { createWebSocketStream, Server } = WebSocket;
    import WebSocketServer = WebSocket.WebSocketServer; void Server;
    type ClientOptions = WebSocket.ClientOptions; type RawData = WebSocket.RawData; type ServerOptions = WebSocket.ServerOptions;`,
  star: `import * as WebSocketNamespace from "ws";
    const { createWebSocketStream, WebSocket, WebSocketServer } = WebSocketNamespace;
    type WebSocket = WebSocketNamespace.WebSocket; type WebSocketServer = WebSocketNamespace.WebSocketServer;
    type ClientOptions = WebSocketNamespace.ClientOptions; type RawData = WebSocketNamespace.RawData;
    type ServerOptions = WebSocketNamespace.ServerOptions;`,
  oldStar: `import * as WebSocket from "ws"; import WebSocketNamespace = WebSocket;
    import createWebSocketStream = WebSocket.createWebSocketStream; import WebSocketServer = WebSocket.Server;
    type ClientOptions = WebSocket.ClientOptions; type RawData = WebSocket.RawData; type ServerOptions = WebSocket.ServerOptions;`,
  statics: `import WebSocket from "ws"; import WebSocketNamespace from "ws";
    const WebSocketServer = WebSocket.Server; type WebSocketServer = WebSocket.Server;
    const createWebSocketStream = WebSocket.createWebSocketStream;
    type ClientOptions = WebSocket.ClientOptions; type RawData = WebSocket.RawData; type ServerOptions = WebSocket.ServerOptions;`,
};

const OLD = "../test/node_modules/typescript-5.9";
const NEW = "typescript";
const NODE16 = { module: "node16", moduleResolution: "node16" };
const NODE10 = { module: "commonjs", moduleResolution: "node" };
/** Module resolutions of programs, with their compiler and valid ways to import. */
const MODES: [mode: string, compiler: string, options: object, type: "commonjs" | "module", ways: string[]][] = [
  ["node10", OLD, { ...NODE10, esModuleInterop: true }, "commonjs", ["default", "names", "statics", "star"]],
  ["node10 without interop", OLD, NODE10, "commonjs", ["oldStar"]],
  ["node16, CommonJS", NEW, NODE16, "commonjs", ["default", "names", "statics", "star", "equals"]],
  ["node16, ES modules", NEW, NODE16, "module", ["default", "names", "statics", "star"]],
  [
    "bundler",
    NEW,
    { module: "esnext", moduleResolution: "bundler" },
    "module",
    ["default", "names", "statics", "star"],
  ],
];

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "websocket-idioms-"));
  mkdirSync(join(folder, "node_modules", "@types"), { recursive: true });
  symlinkSync(join(root, "packages/websocket"), join(folder, "node_modules", "ws"));
  symlinkSync(join(root, "node_modules/@types/node"), join(folder, "node_modules", "@types", "node"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(MODES)(
  "programs written for ws compile with %s",
  (mode, compiler, options, type, ways) => {
    const project = join(folder, mode);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, "package.json"), JSON.stringify({ type }));
    const compilerOptions = {
      target: "es2022",
      strict: true,
      noEmit: true,
      // The native compiler checks the declarations themselves, too; the other would take seconds to.
      skipLibCheck: compiler !== NEW,
      types: ["node"],
      ...options,
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    for (const way of ways) {
      writeFileSync(join(project, `${way}-server.ts`), WAYS[way]! + SERVER);
      writeFileSync(join(project, `${way}-client.ts`), WAYS[way]! + CLIENT);
    }
    expect(errorsOf(compiler, project)).toBe("");
  },
  120_000,
);

it("import, require and both declarations have the same names", async () => {
  const imported = (await import(join(root, "packages/websocket/esm/index.mjs"))) as Record<string, unknown>;
  const required = imported["default"] as Record<string, unknown>;
  const declared = readFileSync(join(root, "packages/websocket/types/index.d.ts"), "utf8");
  const statics = Object.keys(required).filter((name) => !/^(?:CONNECTING|OPEN|CLOSING|CLOSED|default)$/.test(name));
  expect(statics.filter((name) => !declared.includes(`export import ${name} =`))).toEqual([]);
  expect(statics.filter((name) => name !== "Server" && !(name in imported))).toEqual([]);
  const main = readFileSync(join(root, "packages/websocket/dist/index.d.ts"), "utf8");
  const types = [...main.matchAll(/export type \{(.*?)\}/gs)].flatMap(([, names = ""]) => names.split(","));
  expect(types.filter((name) => !new RegExp(`export type ${name.trim()}\\b`).test(declared))).toEqual([]);
});

function errorsOf(compiler: string, project: string): string {
  try {
    execFileSync(process.execPath, [join(root, "node_modules", compiler, "bin/tsc"), "-p", project], {
      encoding: "utf8",
      stdio: "pipe",
    });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

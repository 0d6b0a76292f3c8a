// A page whose session moves from polling to WebTransport. Runs on Deno: HTTP by TCP, HTTP/3 by UDP, on one port number.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Server } from "@portage/server";
import { makeCertificate } from "./certificate.mjs";

const HOST = "127.0.0.1";

/** The modules of the client for browsers: the page loads them without a bundler. */
const CLIENT = join(dirname(createRequire(import.meta.url).resolve("@portage/client/package.json")), "dist/browser");

const TYPES = { html: "text/html", js: "text/javascript", mjs: "text/javascript" };
const { cert, key, hash } = makeCertificate();

// ---- the page and its files -----------------------------------------------------------------------------------------

/** Returns the file of a path; undefined for a path that the page does not need. */
function fileOf(path) {
  if (path === "/" || path === "/page.js") return join(import.meta.dirname, "public", path.slice(1) || "index.html");
  const [, name] = /^\/client\/([\w-]+\.mjs)$/.exec(path) ?? [];
  return name && join(CLIENT, name);
}

async function serve(req, res) {
  const { pathname } = new URL(req.url, "http://localhost");
  const file = fileOf(pathname);
  const content = file && (await readFile(file).catch(() => undefined));
  if (content) res.setHeader("Content-Type", TYPES[file.split(".").pop()]).end(content);
  else if (pathname === "/certificate-hash") res.end(hash);
  else res.writeHead(404).end();
}

const http = createServer((req, res) => void serve(req, res));
const io = new Server(http, { transports: ["polling", "websocket", "webtransport"] });

io.on("connection", (socket) => {
  socket.on("echo", (value, answer) => {
    if (typeof answer === "function") answer(value);
  });
});

// ---- HTTP/3 ---------------------------------------------------------------------------------------------------------

/** Passes a session to the engine, which reads its first packet, and admits or refuses it. */
async function takeSession(connection) {
  const session = await Deno.upgradeWebTransport(connection);
  await session.ready;
  await io.engine.onWebTransportSession(session, { remoteAddress: connection.remoteAddr.hostname });
}

async function takeSessions(listener) {
  for (;;) {
    const connection = await listener.accept();
    takeSession(connection).catch((error) => console.log("Not a WebTransport session:", error.message));
  }
}

http.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  const { port } = http.address();
  const endpoint = new Deno.QuicEndpoint({ hostname: HOST, port });
  void takeSessions(endpoint.listen({ cert, key, alpnProtocols: ["h3"] }));
  console.log(`WebTransport: http://${HOST}:${port}`);

  const stop = async () => {
    await io.close();
    endpoint.close({ closeCode: 0, reason: "" });
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void stop());
});

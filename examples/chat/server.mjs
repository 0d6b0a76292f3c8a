// The demo: three pages, one Fastify application, one Socket.IO server. With `--workers N`, several processes are that server.
import cluster from "node:cluster";
import { localCluster, runWorkers } from "@portage/cluster";
import { portage } from "@portage/server/fastify";
import Fastify from "fastify";
import { readArguments, UsageError } from "./lib/arguments.mjs";
import { openBroadcast } from "./lib/broadcast.mjs";
import { openChat } from "./lib/chat.mjs";
import { servePages } from "./lib/pages.mjs";
import { isPortTaken } from "./lib/port.mjs";
import { openSinking } from "./lib/sink.mjs";
import { openWorkers } from "./lib/workers.mjs";
import { LIMITS } from "./lib/validation.mjs";

/** Time limit for pages to confirm the farewell, in milliseconds; polling pages receive it with their next poll. */
const GOODBYE_TIME = 300;
/** Time limit for a shutdown, in milliseconds; then the process exits. */
const SHUTDOWN_TIME = 800;
/** Interval in milliseconds at which a server started by npm checks that its shell still runs. */
const SHELL_CHECK_INTERVAL = 250;

/** The live page, for this machine alone. A real program sets `auth`, and shows no values. */
const DASHBOARD = { role: "act", payloads: "values", label: (socket) => socket.data.name };

/** The chat for pages without a library, and `curl -N`. */
const PLAIN_PAGES = { "/events": { namespace: "/" } };

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Refuses WebSocket to pages with `?websocket=blocked`, to show the chat on polling alone. */
function refuseBlockedUpgrade(request, _response, next) {
  const { searchParams } = new URL(request.url, "http://localhost");
  const isUpgrade = request.headers.upgrade !== undefined;
  const isBlocked = isUpgrade && searchParams.get("websocket") === "blocked";
  next(isBlocked ? new Error("WebSocket is blocked for this page") : undefined);
}

async function createApp(options) {
  const app = Fastify({ forceCloseConnections: true });
  // Polling sends bytes as base64, a third larger than the picture.
  await app.register(portage, {
    maxHttpBufferSize: 2 * LIMITS.pictureBytes,
    dashboard: DASHBOARD,
    eventSources: PLAIN_PAGES,
    ...options,
  });
  app.io.engine.use(refuseBlockedUpgrade);
  const onPagesChange = openBroadcast(app.io);
  openChat(app.io, { onChange: onPagesChange, sink: openSinking(app.io.engine) });
  openWorkers(app.io);
  servePages(app);
  return app;
}

/** Notifies all pages of this process that the server stops, so that they can show the reason. */
async function sayGoodbye(io) {
  const namespaces = [io.of("/"), io.of("/broadcast")];
  // A page that does not confirm in time sees its connection close.
  await Promise.allSettled(namespaces.map((namespace) => namespace.local.timeout(GOODBYE_TIME).emitWithAck("goodbye")));
}

/** Ends the process on Ctrl-C and SIGTERM, once `end` has ended what runs. */
function stopOnSignals(end) {
  let stopping = false;
  const stop = async () => {
    if (stopping) return; // npm may forward a Ctrl-C that the terminal has already sent
    stopping = true;
    console.log("\nStopping.");
    await end();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  stopWithShell(stop);
}

/**
 * `npm start` runs its command in a shell, and sends a SIGTERM to that shell, which exits without forwarding it. The server
 * would keep running on its port, and only sees that its parent has changed.
 */
function stopWithShell(stop) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    void stop();
  }, SHELL_CHECK_INTERVAL).unref();
}

const takenMessage = (port) =>
  `Port ${port} is already in use.\n` +
  `Stop the program that uses it, or choose another port: npm start -- --port ${port === 9999 ? 9998 : 9999}`;

function welcome(port, workers) {
  const origin = `http://localhost:${port}`;
  const title =
    workers === undefined ? "Portage demo" : `Portage demo, ${workers} ${workers === 1 ? "worker" : "workers"}`;
  console.log(
    `${title}\n  chat       ${origin}/websocket.html\n  broadcast  ${origin}/broadcast.html\n` +
      `  plain page ${origin}/events.html\n` +
      `  live page  ${origin}/dashboard/\nCtrl-C ends it.`,
  );
}

/** The usual demo: one process. */
async function runAlone(port) {
  const app = await createApp();
  stopOnSignals(async () => {
    setTimeout(() => process.exit(0), SHUTDOWN_TIME).unref();
    await sayGoodbye(app.io);
    await app.close();
  });
  await app.listen({ port, host: "localhost" });
  welcome(app.server.address().port);
}

/** A worker of several. */
async function startWorker(port) {
  const app = await createApp({ cluster: localCluster() });
  await app.listen({ port, host: "localhost" });
  return { drain: () => sayGoodbye(app.io), close: () => app.close() };
}

/** The demo in several processes. They run this program as well, up to `runWorkers()`. */
function runMany(port, count) {
  const workers = runWorkers(() => startWorker(port), { workers: count, drain: SHUTDOWN_TIME });
  if (!workers.isPrimary) return;
  workers.on("restart", ({ worker }) => console.log(`Worker ${worker.id} has ended, another one takes its place.`));
  cluster.once("listening", (_worker, address) => {
    workers.on("worker", function onWorker() {
      if (!workers.workers().every(({ state }) => state === "up")) return;
      workers.off("worker", onWorker);
      welcome(address.port, count);
    });
  });
  stopWithShell(() => workers.stop());
}

async function main() {
  const { port, workers } = readArguments(process.argv.slice(2));
  if (cluster.isPrimary && (await isPortTaken(port))) fail(takenMessage(port));
  if (workers === undefined) await runAlone(port);
  else runMany(port, workers);
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) fail(error.message);
  if (error.code === "EADDRINUSE") fail(takenMessage(error.port));
  if (error.code === "EACCES")
    fail(`This user may not open port ${error.port}. Ports from 1024 on are open to everyone.`);
  throw error;
}

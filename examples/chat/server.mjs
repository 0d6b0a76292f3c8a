// The demo: two pages, one Fastify application, one Socket.IO server.
import { portage } from "@portage/server/fastify";
import Fastify from "fastify";
import { readArguments, UsageError } from "./lib/arguments.mjs";
import { openBroadcast } from "./lib/broadcast.mjs";
import { openChat } from "./lib/chat.mjs";
import { servePages } from "./lib/pages.mjs";
import { isPortTaken } from "./lib/port.mjs";
import { openSinking } from "./lib/sink.mjs";
import { LIMITS } from "./lib/validation.mjs";

/** Time limit for pages to confirm the farewell, in milliseconds; polling pages receive it with their next poll. */
const GOODBYE_TIME = 300;
/** Time limit for a shutdown, in milliseconds; then the process exits. */
const SHUTDOWN_TIME = 800;
/** Interval in milliseconds at which a server started by npm checks that its shell still runs. */
const SHELL_CHECK_INTERVAL = 250;

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

async function createApp() {
  const app = Fastify({ forceCloseConnections: true });
  // Polling sends bytes as base64, a third larger than the picture.
  await app.register(portage, { maxHttpBufferSize: 2 * LIMITS.pictureBytes });
  app.io.engine.use(refuseBlockedUpgrade);
  const onPagesChange = openBroadcast(app.io);
  openChat(app.io, { onChange: onPagesChange, sink: openSinking(app.io.engine) });
  servePages(app);
  return app;
}

/** Notifies all pages that the server stops, so that they can show the reason. */
async function sayGoodbye(io) {
  const namespaces = [io.of("/"), io.of("/broadcast")];
  // A page that does not confirm in time sees its connection close.
  await Promise.allSettled(namespaces.map((namespace) => namespace.timeout(GOODBYE_TIME).emitWithAck("goodbye")));
}

/** Ends the process on Ctrl-C and SIGTERM, after pages were notified. */
function stopOnSignals(app) {
  let stopping = false;
  const stop = async () => {
    if (stopping) return; // npm may forward a Ctrl-C that the terminal has already sent
    stopping = true;
    console.log("\nStopping.");
    setTimeout(() => process.exit(0), SHUTDOWN_TIME).unref();
    await sayGoodbye(app.io);
    await app.close();
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

async function main() {
  const { port } = readArguments(process.argv.slice(2));
  if (await isPortTaken(port)) fail(takenMessage(port));
  const app = await createApp();
  stopOnSignals(app);
  await app.listen({ port, host: "localhost" });
  const origin = `http://localhost:${app.server.address().port}`;
  console.log(
    `Portage demo\n  chat       ${origin}/websocket.html\n  broadcast  ${origin}/broadcast.html\nCtrl-C ends it.`,
  );
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

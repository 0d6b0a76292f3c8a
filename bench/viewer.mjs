// What one open page costs a server: its share of a core while clients send 5,000 events a second.
//
//   npm run bench -- viewer      VIEWER_WINDOWS (default 24) windows of four seconds, in turn with a page and without one
//
// The page is on its first screen, with all views that change there. It runs in the process of the load.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Server } from "@portage/server";
import { dashboard } from "@portage/server/dashboard";

const WINDOWS = Number(process.env.VIEWER_WINDOWS ?? 24);
/** Milliseconds of a window, and of the time before it that does not count. */
const WINDOW = 4000;
const SETTLE = 1500;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const error = (values) => {
  const middle = mean(values);
  return 2 * Math.sqrt(mean(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
};

const http = createServer();
const io = new Server(http, { serveClient: false });
let operations = 0;
io.on("connection", (socket) => {
  void socket.join("room");
  socket.on("chat", () => (operations += 1));
});
dashboard(io);
await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
const { port } = http.address();
const load = fork(fileURLToPath(new URL("viewer-load.mjs", import.meta.url)), [String(port)]);
const answer = () => new Promise((resolve) => load.once("message", resolve));
await answer();

const shares = { open: [], closed: [] };
const rates = [];
let sizes = 0;
for (let window = 0; window < WINDOWS; window += 1) {
  const mode = window % 2 === 0 ? "closed" : "open";
  load.send(mode);
  await answer();
  await pause(SETTLE);
  const [before, at, used] = [operations, performance.now(), process.cpuUsage()];
  await pause(WINDOW);
  const { user, system } = process.cpuUsage(used);
  const elapsed = performance.now() - at;
  shares[mode].push((user + system) / elapsed / 10);
  rates.push(((operations - before) * 1000) / elapsed);
  if (mode !== "open") continue;
  load.send("bytes");
  sizes = await answer();
}
load.kill();
const [open, closed] = [mean(shares.open), mean(shares.closed)];
console.log(`Node ${process.version}, ${mean(rates).toFixed(0)} events a second, ${WINDOWS} windows of ${WINDOW} ms\n`);
console.log(`without a page  ${closed.toFixed(2)} % of a core ± ${error(shares.closed).toFixed(2)}`);
console.log(`with one        ${open.toFixed(2)} % of a core ± ${error(shares.open).toFixed(2)}`);
console.log(`difference      ${(open - closed).toFixed(2)} %; the page gets ${(sizes / 1000).toFixed(1)} KB a second`);
process.exit(0);

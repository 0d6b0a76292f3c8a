// What a probe costs: one server, on which the probe of the live page is switched on and off.
//
//   npm run bench -- toggle                    all rows
//   npm run bench -- toggle ingest broadcast   only these; TOGGLE_SECONDS (default 30) for each
//
// Figures of two processes differ by more than one percent even if both run the same code. So all windows are of one
// process: 60 ms each, in random order with the probe of a closed page and of an open one, without, and without once more as a control. The lower half of
// the windows counts, since what disturbs a window makes it slower.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Server } from "@portage/server";
import { Sampler, UNWATCHED_SHARE } from "../packages/server/dist/dashboard/sampling/sampler.js";
import { observeServer } from "../packages/server/dist/socketio/index.js";

const SECONDS = Number(process.env.TOGGLE_SECONDS ?? 30);
const WINDOW = 60;
const WARM_UP = 3000;
const MODES = ["off", "control", "closed", "open"];
/** How much of its budget the probe has: while no page is open, and while one is. */
const SHARES = { closed: UNWATCHED_SHARE, open: 1 };
/** Operations below which a window says nothing. */
const LEAST = 50;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a server does in each row; `done` counts operations. */
const rows = {
  ingest(socket, done) {
    socket.on("event", () => done(1));
    socket.on("flush", (answer) => answer());
  },
  pipelined(socket, done) {
    socket.on("echo", (text, answer) => {
      done(1);
      answer(text);
    });
  },
  broadcast(socket, done, io) {
    void socket.join("room");
    socket.on("say", (text) => {
      io.to("room").emit("said", text);
      done(1);
    });
  },
  poll: (socket, done) => socket.on("event", () => done(1)),
};

/** The probe of the live page, switched on and off. Its seconds are those in which it is on. */
class Switch {
  #io;
  #samplers = { closed: new Sampler(() => false), open: new Sampler(() => false) };
  #end = () => {};
  #on = { closed: 0, open: 0 };

  constructor(io) {
    this.#io = io;
  }

  turnTo(mode) {
    this.#end();
    const sampler = this.#samplers[mode];
    this.#end = sampler === undefined ? () => {} : observeServer(this.#io, sampler);
    if (sampler === undefined || (this.#on[mode] += WINDOW) < 1000) return;
    sampler.turn(this.#on[mode], SHARES[mode]);
    this.#on[mode] = 0;
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const lowerHalf = (values) => values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 2));

/** The difference of two lists in percent, and how far it would differ by chance: twice the standard error. */
function difference(base, values) {
  const [a, b] = [lowerHalf(base), lowerHalf(values)];
  const spread = (list) => mean(list.map((value) => (value - mean(list)) ** 2)) / list.length;
  const error = Math.sqrt(spread(a) + spread(b)) / mean(a);
  return { percent: 100 * (mean(b) / mean(a) - 1), error: 200 * error };
}

async function measure(name) {
  let operations = 0;
  const http = createServer();
  // The load counts bytes, and knows no pings.
  const io = new Server(http, { serveClient: false, pingInterval: 1e6, pingTimeout: 1e6 });
  io.on("connection", (socket) => rows[name](socket, (count) => (operations += count), io));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const load = fork(fileURLToPath(new URL("toggle-load.mjs", import.meta.url)), [String(http.address().port), name]);
  const ended = new Promise((resolve) => void load.once("exit", resolve));
  const probe = new Switch(io);
  // Both ways are compiled before the first window that counts.
  for (let at = 0; at < WARM_UP; at += WINDOW) {
    probe.turnTo(MODES[(at / WINDOW) % MODES.length]);
    await pause(WINDOW);
  }
  const costs = Object.fromEntries(MODES.map((mode) => [mode, []]));
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end;) {
    const mode = MODES[Math.floor(Math.random() * MODES.length)];
    probe.turnTo(mode);
    const before = operations;
    const used = process.cpuUsage();
    await pause(WINDOW);
    const { user, system } = process.cpuUsage(used);
    const count = operations - before;
    if (count >= LEAST) costs[mode].push((user + system) / count);
  }
  load.kill();
  await ended;
  await new Promise((resolve) => void io.close(resolve));
  return costs;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(rows, name));
if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(", ")}\nthere are: ${Object.keys(rows).join(", ")}`);
  process.exit(1);
}
const text = ({ percent, error }) => `${percent >= 0 ? "+" : ""}${percent.toFixed(2)} % ± ${error.toFixed(2)}`;
console.log(`Node ${process.version}, ${SECONDS} s a row in windows of ${WINDOW} ms\n`);
for (const name of wanted.length > 0 ? wanted : Object.keys(rows)) {
  const costs = await measure(name);
  const { off, control, closed, open } = costs;
  console.log(
    `${name.padEnd(12)}${mean(lowerHalf(off)).toFixed(2).padStart(8)} us   control ${text(difference(off, control))}` +
      `   closed ${text(difference(off, closed))}   open ${text(difference(off, open))}` +
      `   (${Object.values(costs).flat().length} windows)`,
  );
}
process.exit(0);

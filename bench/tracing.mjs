// What tracing and the option `eventMetrics` cost: events of a client in memory, without a subscriber, and with an empty one.
//
//   npm run bench -- tracing          TRACING_ROUNDS (default 5)
//
// Each figure is of a process of its own, since a subscriber changes what is compiled. Other programs make windows of time
// slower, not faster: the lowest tenth counts. The processes take turns; the least of their figures is printed first.
import { spawnSync } from "node:child_process";
import { tracingChannel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import { fileURLToPath } from "node:url";
import { Server } from "@portage/server";
import { median } from "./report.mjs";

const ROUNDS = Number(process.env.TRACING_ROUNDS ?? 5);
const MODES = [
  "off",
  "start and end",
  "all parts",
  "metrics",
  "promise, off",
  "promise, all parts",
  "promise, metrics",
];
const BATCH = 1000;
const BATCHES = 20;
const WINDOWS = 60;

/** A session of an engine, as far as a server uses it. */
class MemorySession extends EventEmitter {
  id = "memory";
  protocol = 4;
  readyState = "open";
  writable = true;
  transport = { name: "websocket", writable: true };
  remoteAddress = "127.0.0.1";
  request = { headers: {}, url: "/socket.io/?EIO=4", _query: {}, connection: {} };
  write() {}
  send() {}
  close() {}
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function subscribe(mode) {
  const ignore = () => {};
  const subscribers = { start: ignore, end: ignore };
  if (mode.endsWith("all parts")) Object.assign(subscribers, { asyncStart: ignore, asyncEnd: ignore, error: ignore });
  if (!/off|metrics/.test(mode)) tracingChannel("portage.event").subscribe(subscribers);
}

/** Returns the nanoseconds of CPU for an event. */
async function measure(mode) {
  subscribe(mode);
  const io = new Server(mode.endsWith("metrics") ? { eventMetrics: ["event"] } : {});
  const engine = new EventEmitter();
  io.bind(engine);
  let events = 0;
  const work = mode.startsWith("promise") ? async () => void events++ : () => void events++;
  io.on("connection", (socket) => socket.on("event", work));
  const session = new MemorySession();
  engine.emit("connection", session);
  session.emit("data", "0");
  while (io.sockets.sockets.size === 0) await nextTurn();
  const window = async () => {
    const [before, cpu] = [events, process.cpuUsage()];
    for (let batch = 0; batch < BATCHES; batch++) {
      for (let sent = 0; sent < BATCH; sent++) session.emit("data", '2["event","some text",1]');
      await nextTurn();
    }
    const { user, system } = process.cpuUsage(cpu);
    return (1000 * (user + system)) / (events - before);
  };
  for (let warm = 0; warm < WINDOWS / 2; warm++) await window();
  const windows = [];
  while (windows.length < WINDOWS) windows.push(await window());
  return windows.toSorted((one, other) => one - other)[WINDOWS / 10];
}

const own = fileURLToPath(import.meta.url);
if (process.argv[1] === own && process.argv[2] !== undefined) {
  console.log(await measure(process.argv[2]));
} else {
  const figures = new Map(MODES.map((mode) => [mode, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [mode, values] of figures) {
      const { stdout, stderr } = spawnSync(process.execPath, [own, mode], { encoding: "utf8" });
      if (stderr !== "") console.error(stderr);
      values.push(Number(stdout));
    }
  }
  for (const [mode, values] of figures) {
    const [least, middle] = [Math.min(...values), median(values)];
    console.log(`${mode.padEnd(20)} ${least.toFixed(0)} ns an event (median ${middle.toFixed(0)})`);
  }
}

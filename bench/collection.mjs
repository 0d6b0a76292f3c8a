// How long a collection of garbage holds the event loop up: the one that the live page starts, beside one by gc().
//
//   npm run bench -- collection             heaps of 20, 50 and 100 MB
//   npm run bench -- collection 400         of these sizes; COLLECTION_ROUNDS (default 5)
//
// Time is that of the main thread on the processor, as Linux accounts for it, and by the clock: other programs of the machine
// make the latter longer, so the best round counts.
import { fork } from "node:child_process";
import { openSync, readSync } from "node:fs";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { getHeapStatistics } from "node:v8";
import { findIncrementalMarking } from "../packages/server/dist/dashboard/findings/incremental-marking.js";

const ROUNDS = Number(process.env.COLLECTION_ROUNDS ?? 5);
const WAYS = ["nothing", "gc()", "the page"];
/** Milliseconds to look at. */
const LOOKED_AT = 2000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Returns a function that reads the processor time of the main thread, in milliseconds. */
function mainThread() {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
  const text = Buffer.alloc(64);
  return () => Number(text.latin1Slice(0, readSync(file, text, 0, 64, 0)).split(" ")[0]) / 1e6;
}

/** A program with so many megabytes that are alive, and some garbage. */
async function program(megabytes, way) {
  const kept = [];
  const make = (i) => ({ text: `text ${i}`, at: new Date(), parts: Array.from({ length: 20 }, (_, at) => ({ at })) });
  while (getHeapStatistics().used_heap_size < megabytes * 1e6) for (let i = 0; i < 200; i += 1) kept.push(make(i));
  globalThis.gc();
  setInterval(() => Array.from({ length: 20 }, (_, i) => make(i)), 10);
  const start = { nothing() {}, "gc()": globalThis.gc, "the page": findIncrementalMarking() }[way];
  await pause(500);
  const longest = { cpu: 0, clock: 0, pause: 0 };
  new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries())
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) longest.pause = Math.max(longest.pause, duration);
  }).observe({ entryTypes: ["gc"] });
  const used = mainThread();
  let before = [used(), performance.now()];
  const look = () => {
    const now = [used(), performance.now()];
    longest.cpu = Math.max(longest.cpu, now[0] - before[0]);
    longest.clock = Math.max(longest.clock, now[1] - before[1]);
    before = now;
    setTimeout(look, 1);
  };
  look();
  setImmediate(() => start());
  await pause(LOOKED_AT);
  process.send({ ...longest, kept: kept.length });
  process.disconnect();
}

function measure(...args) {
  const child = fork(fileURLToPath(import.meta.url), ["program", ...args], { execArgv: ["--expose-gc"] });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      child.kill();
      resolve(message);
    });
    child.on("error", reject);
  });
}

if (process.argv[2] === "program") await program(Number(process.argv[3]), process.argv[4]);
else {
  const sizes = process.argv.length > 2 ? process.argv.slice(2) : ["20", "50", "100"];
  console.log(`Node ${process.version}, longest turn in ms, ${ROUNDS} rounds\n`);
  console.log("  MB  collected by   cpu: median, worst   clock: best   pause of the collection: best");
  for (const megabytes of sizes) {
    const rounds = Object.fromEntries(WAYS.map((way) => [way, []]));
    for (let round = 0; round < ROUNDS; round += 1)
      for (const way of WAYS) rounds[way].push(await measure(megabytes, way));
    for (const way of WAYS) {
      const [cpu, clock, pauses] = ["cpu", "clock", "pause"].map((name) => rounds[way].map((one) => one[name]));
      const figures = [median(cpu), Math.max(...cpu), Math.min(...clock), Math.min(...pauses)];
      console.log(
        `${megabytes.padStart(4)}  ${way.padEnd(10)}${figures.map((figure) => figure.toFixed(1).padStart(10)).join("")}`,
      );
    }
  }
}

// Cost of an operation by the number of connections, rooms, members, namespaces, listeners, bytes.
import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { save } from "./report.mjs";
import { plot } from "./svg.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const NAMES = ["socket.io", "portage"];
const MOST = Number(process.argv[2] ?? 100_000);

const TITLES = {
  "echo by connections": ["event + ack, µs", "connections"],
  "room of 10 by connections": ["broadcast to a room of 10, µs", "connections"],
  "delivery by connections": ["broadcast to all, µs a delivery", "connections"],
  "longest turn by connections": ["one broadcast holds the event loop up for, ms", "connections"],
  "join and leave by rooms": ["join + leave, µs", "rooms"],
  "emit to a room by rooms of its member": ["emit to one socket, µs", "rooms it is in"],
  "delivery by members": ["broadcast to a room, µs a delivery", "members"],
  "echo by namespaces": ["event + ack, µs", "namespaces"],
  "echo by listeners": ["event + ack, µs", "events listened to"],
  "echo by size": ["event + ack, µs", "bytes"],
};

function measure(name, onFigure) {
  const child = fork(here("servers/growth.mjs"), [name, String(MOST)], {
    execArgv: ["--expose-gc", "--max-old-space-size=8192"],
  });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => (message.done ? resolve() : onFigure(message)));
    child.on("exit", (code) => code !== 0 && reject(new Error(`${name} ended with ${code}`)));
  });
}

const series = {};
for (const name of NAMES) {
  await measure(name, ({ series: key, count, figure }) => {
    series[key] ??= { title: TITLES[key][0], x: TITLES[key][1], lines: {} };
    (series[key].lines[name] ??= []).push([count, figure]);
  });
}
for (const { title, x, lines } of Object.values(series)) {
  console.log(`\n${title}, by ${x}`);
  for (const name of NAMES) {
    const figures = lines[name].map(([count, figure]) => `${count}: ${figure.toFixed(2)}`.padEnd(18)).join("");
    console.log(`  ${name.padEnd(12)}${figures}`);
  }
}
save("growth", 1, { series });
writeFileSync(here("../docs/growth.svg"), plot(Object.values(series)));

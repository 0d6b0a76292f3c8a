// Run by client-engine-process.test.ts: opens a connection of one kind, closes it, and has to end by itself.
import { Socket } from "@portage/client/engine";

const [, , url, mode] = process.argv;
const isFaked = mode.startsWith("faked");
const { setTimeout, clearTimeout } = globalThis;
if (isFaked) {
  // replaced as test frameworks do: timers are numbers, and never fire
  const names = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "queueMicrotask"];
  for (const name of names) {
    globalThis[name] = () => {
      process.stdout.write(`${name} was called\n`);
      return 1;
    };
  }
  Date.now = () => 1e15;
}
const ways = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  "auto-unref": { autoUnref: true },
  "faked timers polling": { useNativeTimers: true, requestTimeout: 10_000, transports: ["polling"] },
  "faked timers websocket": { useNativeTimers: true, transports: ["websocket"] },
  "faked timers upgraded": { useNativeTimers: true },
  "auto-unref polling": { autoUnref: true, transports: ["polling"] },
  "auto-unref websocket": { autoUnref: true, transports: ["websocket"] },
  "auto-unref polling, no answer": { autoUnref: true, transports: ["polling"] },
  "auto-unref websocket, no answer": { autoUnref: true, transports: ["websocket"] },
};
// until then it keeps the process alive, independently of the client
const timer = setTimeout(() => {}, 30_000);
const socket = new Socket(url, ways[mode]);
const EVENTS = {
  upgraded: "upgrade",
  upgrading: "upgrading",
  "auto-unref": "upgrade",
  "faked timers upgraded": "upgrade",
};
if (mode.endsWith("no answer")) {
  clearTimeout(timer);
  process.stdout.write("reached\n");
}
socket.on(EVENTS[mode] ?? "open", () => {
  clearTimeout(timer);
  if (!isFaked || socket.checkAlive()) process.stdout.write("reached\n");
  if (!mode.startsWith("auto-unref")) socket.close();
});

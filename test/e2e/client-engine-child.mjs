// Run by client-engine-process.test.ts: opens a connection of one kind, closes it, and has to end by itself.
import { Socket } from "@portage/client/engine";

const [, , url, mode] = process.argv;
const ways = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  "auto-unref": { autoUnref: true },
  "auto-unref polling": { autoUnref: true, transports: ["polling"] },
  "auto-unref websocket": { autoUnref: true, transports: ["websocket"] },
};
// until then it keeps the process alive, whatever the client does
const timer = setTimeout(() => {}, 30_000);
const socket = new Socket(url, ways[mode]);
socket.on({ upgraded: "upgrade", upgrading: "upgrading", "auto-unref": "upgrade" }[mode] ?? "open", () => {
  clearTimeout(timer);
  process.stdout.write("reached\n");
  if (!mode.startsWith("auto-unref")) socket.close();
});

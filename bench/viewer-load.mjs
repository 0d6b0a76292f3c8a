// The load of viewer.mjs and its page, in a process of its own: the argument is the port.
import { WebSocket } from "ws";
import { openMany, WireClient } from "./clients.mjs";
import { clientFrame } from "./frames.mjs";

const port = process.argv[2];
const CLIENTS = 50;
/** Each client sends one event in each, which makes 5,000 a second. */
const TICK = 10;

const clients = await openMany(WireClient, Number(port), CLIENTS);
const frame = clientFrame('42["chat","twenty characters ok!"]');
let due = performance.now();
setInterval(() => {
  for (const now = performance.now(); due <= now; due += TICK) for (const client of clients) client.write(frame);
}, TICK);

let page;
let bytes = 0;
let since = 0;

/** Opens the page as the browser does: its greeting, then the views of the first screen. */
function openPage() {
  return new Promise((resolve, reject) => {
    page = new WebSocket(`ws://localhost:${port}/dashboard/live/?EIO=4&transport=websocket`, {
      origin: `http://localhost:${port}`,
    });
    page.on("error", reject);
    page.on("message", (data) => {
      const text = String(data);
      bytes += text.length;
      if (text.startsWith("0")) page.send("40");
      else if (text === "2") page.send("3");
      else if (text.startsWith("40")) {
        page.send('420["hello",{"build":"bench"}]');
        ["overview", "events", "rooms"].forEach((view, index) => page.send(`42${index + 1}["watch","${view}",{}]`));
        [bytes, since] = [0, performance.now()];
        resolve();
      }
    });
  });
}

process.on("message", async (wanted) => {
  if (wanted === "open") await openPage();
  else if (wanted === "closed") page?.close();
  process.send(wanted === "bytes" ? (bytes * 1000) / (performance.now() - since) : "done");
});
process.on("disconnect", () => process.exit(0));
process.send("ready");

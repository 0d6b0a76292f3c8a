import { Server } from "@portage/server";
import { compared, type CutOutcome, type Listened, Scissors } from "../e2e/streaming/cuts.ts";
import { Host } from "../support/servers/host.ts";
import type { TestBrowser } from "./browsers.ts";

/** Runs in the page. Returns what it has heard when the server says that it is over. */
function listen(url: string): Promise<Listened> {
  return new Promise((resolve) => {
    const numbers: number[] = [];
    let fresh = -1;
    const source = new EventSource(url);
    const on = (name: string, take: (data: unknown) => void): void =>
      source.addEventListener(name, (event: MessageEvent<string>) => take(JSON.parse(event.data)));
    on("connect", (data) => (fresh += (data as { recovered: boolean }).recovered ? 0 : 1));
    on("n", (data) => numbers.push((data as [number])[0]));
    on("over", () => {
      source.close();
      resolve({ numbers, fresh });
    });
  });
}

/** Cuts the connection of a browser's EventSource while a server sends it numbers, and compares what the page has heard. */
export async function cutBrowser(browser: TestBrowser, cuts: number): Promise<CutOutcome> {
  const host = new Host();
  const io = new Server(host.http, { transports: ["polling"], cors: { origin: true }, connectionStateRecovery: {} });
  const read = io.of("/").eventSource({ retry: 5 });
  host.http.on("request", (req, res) => {
    if (req.url === "/events") read(req, res);
    else res.setHeader("content-type", "text/html").end("<!doctype html><title>Events</title>");
  });
  await host.listen();
  const scissors = new Scissors({ seed: 1, bytes: 3000 }, host.port);
  const url = `http://127.0.0.1:${await scissors.listen()}/events`;
  let sent = 0;
  const timer = setInterval(() => {
    if (io.of("/").sockets.size > 0 || sent > 0) io.emit("n", sent++, "x".repeat(sent % 97));
    if (scissors.cuts < cuts) return;
    clearInterval(timer);
    scissors.rest();
    io.emit("over");
  }, 2);
  try {
    await browser.open(host.url);
    const heard = await browser.evaluate(listen, url);
    return { sent, cuts: scissors.cuts, ...compared([heard]) };
  } finally {
    clearInterval(timer);
    scissors.close();
    host.http.closeAllConnections();
    await io.close();
  }
}

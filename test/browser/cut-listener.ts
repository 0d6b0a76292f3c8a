import { Server } from "@portage/server";
import { compared, type CutOutcome, type CutPlan, type Listened, Scissors } from "../e2e/streaming/cuts.ts";
import { Host } from "../support/servers/host.ts";
import type { TestBrowser } from "./browsers.ts";

/** How often to cut each of two connections, and after how many bytes. */
export interface BrowserCutPlan extends Pick<CutPlan, "seed" | "cuts" | "bytes"> {
  readonly browser: TestBrowser;
}

export interface BrowserCutOutcome extends CutOutcome {
  /** How many an EventSource of another origin the page has opened. */
  readonly opened: number;
}

interface Addresses {
  readonly own: string;
  readonly other: string;
  /** What the page requests when both have connected. */
  readonly ready: string;
}

interface Heard extends Listened {
  readonly opened: number;
}

/** Runs in the page. Returns what its two readers have heard when the server says that it is over. */
async function listen({ own, other, ready }: Addresses): Promise<Heard[]> {
  let connected = 0;
  const read = (url: string, mayReopen: boolean): Promise<Heard> =>
    new Promise((resolve, reject) => {
      const numbers: number[] = [];
      let [fresh, opened, last] = [-1, 0, ""];
      const open = (): void => {
        opened += 1;
        const source = new EventSource(`${url}?last_event_id=${encodeURIComponent(last)}`);
        const on = (name: string, take: (data: unknown) => void): void =>
          source.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
            last = lastEventId || last;
            take(JSON.parse(data));
          });
        on("connect", (data) => {
          if ((data as { recovered: boolean }).recovered) return;
          fresh += 1;
          if (fresh === 0 && ++connected === 2) void fetch(ready, { mode: "no-cors" });
        });
        on("n", (data) => numbers.push((data as [number])[0]));
        on("over", () => {
          source.close();
          resolve({ numbers, fresh, opened });
        });
        source.onerror = (): void => {
          if (source.readyState !== EventSource.CLOSED) return;
          if (mayReopen) setTimeout(open, 5);
          else reject(new Error(`The browser has given up after number ${numbers.at(-1)}.`));
        };
      };
      open();
    });
  return Promise.all([read(own, false), read(other, true)]);
}

/**
 * Cuts the connections of a page while a server sends it numbers, and compares what the page has heard. An EventSource of the
 * page's own origin must return by itself. A browser may give up one of another origin, at a cut before its first byte of
 * body, so the page opens a new one as docs/server-sent-events.md says.
 */
export async function cutBrowser({ browser, cuts, ...plan }: BrowserCutPlan): Promise<BrowserCutOutcome> {
  const host = new Host();
  const io = new Server(host.http, { transports: ["polling"], cors: { origin: true }, connectionStateRecovery: {} });
  const read = io.of("/").eventSource({ retry: 5 });
  let timer: NodeJS.Timeout | undefined;
  let sent = 0;
  const send = (): void => {
    io.emit("n", sent++, "x".repeat(sent % 97));
    if (both.some((scissors) => scissors.cuts < cuts)) return;
    clearInterval(timer);
    for (const scissors of both) scissors.rest();
    io.emit("over");
  };
  host.http.on("request", (req, res) => {
    if (req.url?.startsWith("/events")) return read(req, res);
    if (req.url === "/ready") {
      for (const scissors of both) scissors.work();
      timer = setInterval(send, 2);
    }
    res.writeHead(200, { "content-type": "text/html", connection: "close" });
    res.end('<!doctype html><title>Events</title><link rel="icon" href="data:,">');
  });
  await host.listen();
  // The head has more than 200 bytes, and its type is within them: without the type, all browsers give up.
  const own = new Scissors({ ...plan, early: 4 }, host.port);
  const other = new Scissors({ ...plan, early: 4, least: 0 }, host.port);
  const both = [own, other];
  for (const scissors of both) scissors.rest();
  const origin = `http://127.0.0.1:${await own.listen()}`;
  const elsewhere = `http://127.0.0.1:${await other.listen()}`;
  try {
    await browser.open(origin);
    const addresses = { own: `${origin}/events`, other: `${elsewhere}/events`, ready: `${host.url}/ready` };
    const heard = await browser.evaluate(listen, addresses);
    return { sent, cuts: Math.min(own.cuts, other.cuts), opened: heard[1]!.opened, ...compared(heard) };
  } finally {
    clearInterval(timer);
    for (const scissors of both) scissors.close();
    host.http.closeAllConnections();
    await io.close();
  }
}

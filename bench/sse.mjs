// Server-sent events beside WebSocket, both of Portage: server CPU per delivery of a broadcast, memory of an idle client.
//
//   npm run bench -- sse idle     only the rows with that in their title
//
// BENCH_ROUNDS: number of rounds, for the median (default 3). SSE_CLIENTS: readers of a broadcast (default 1000),
// SSE_IDLE: idle clients (default 5000).
import { connect } from "node:net";
import { Contender, cpuPer } from "./contender.mjs";
import { BROWSER_HEADERS, openMany, WireClient } from "./clients.mjs";
import { serverFrames } from "./frames.mjs";
import { median } from "./report.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const CLIENTS = Number(process.env.SSE_CLIENTS ?? 1000);
const IDLE = Number(process.env.SSE_IDLE ?? 5000);
const REQUEST = "GET /socket.io/?transport=sse HTTP/1.1\r\nHost: 127.0.0.1\r\n";
const scratch = Buffer.allocUnsafeSlow(256 * 1024);

const LINE_FEED = 10;

/** An EventSource of minimal cost: it counts the blank lines that end events. How many share a chunk depends on its pace. */
class EventSourceClient {
  #left = 0;
  #lastByte = 0;
  #done = () => {};

  static async open(port, headers = "") {
    const client = new EventSourceClient();
    let text = "";
    const greeted = new Promise((resolve) => {
      const callback = (size) => {
        if (text === undefined) client.#count(size);
        else if ((text += scratch.latin1Slice(0, size)).includes("event: connect")) {
          text = undefined;
          resolve();
        }
        return true;
      };
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: scratch, callback } });
      socket.on("error", () => {});
      socket.write(`${REQUEST}${headers}\r\n`);
    });
    await greeted;
    return client;
  }

  receive(events) {
    this.#left = events;
    return new Promise((resolve) => (this.#done = resolve));
  }

  #count(size) {
    let last = this.#lastByte;
    for (let at = 0; at < size; at += 1) {
      const byte = scratch[at];
      if (byte === LINE_FEED && last === LINE_FEED) this.#left -= 1;
      last = byte;
    }
    this.#lastByte = last;
    if (this.#left <= 0) this.#done();
  }
}

/** What clients of each kind count: a WebSocket the bytes of events, an EventSource the events. */
const KINDS = {
  websocket: {
    Client: WireClient,
    length: (each) => serverFrames(Array.from({ length: each }, (_, index) => `42["news","hello",${index}]`)).length,
  },
  sse: { Client: EventSourceClient, length: (each) => each },
};

const OPTIONS = { transports: ["polling", "websocket", "sse"] };

async function measured(work) {
  const contender = await new Contender("portage", OPTIONS).start();
  try {
    return await work(contender);
  } finally {
    await contender.stop();
  }
}

/** Microseconds of server CPU per delivery. */
const delivery = ({ Client, length }, each) =>
  measured(async (contender) => {
    const all = await openMany(Client, contender.port, CLIENTS);
    const turns = Math.ceil(40_000 / CLIENTS / each);
    const work = async () => {
      const done = all.map((client) => client.receive(turns * length(each)));
      await contender.ask("broadcast", { count: turns, each });
      await Promise.all(done);
    };
    return (await cpuPer(contender, CLIENTS * each * turns, work)).value;
  });

/** KiB of heap per idle client, as a browser opens it. */
const idle = ({ Client }) =>
  measured(async (contender) => {
    const Browser = { open: (port) => Client.open(port, BROWSER_HEADERS) };
    await openMany(Browser, contender.port, 200);
    const before = await contender.ask("memory");
    await openMany(Browser, contender.port, IDLE);
    const after = await contender.ask("memory");
    return (after.heap - before.heap) / IDLE / 1024;
  });

const ROWS = {
  [`µs a delivery, one a turn, ${CLIENTS} clients`]: (kind) => delivery(kind, 1),
  [`µs a delivery, 8 in one tick, ${CLIENTS} clients`]: (kind) => delivery(kind, 8),
  "KiB of heap, idle": idle,
};

const [wanted = ""] = process.argv.slice(2);

for (const [title, measure] of Object.entries(ROWS)) {
  if (!title.includes(wanted)) continue;
  const figures = { websocket: [], sse: [] };
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, kind] of Object.entries(KINDS)) figures[name].push(await measure(kind));
  const [websocket, sse] = [median(figures.websocket), median(figures.sse)];
  console.log(
    `${title}: WebSocket ${websocket.toFixed(2)}, SSE ${sse.toFixed(2)}, ratio ${(sse / websocket).toFixed(2)}`,
  );
}

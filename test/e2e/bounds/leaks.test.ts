import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ChildServer } from "../../support/servers/child-server.ts";
import { eventually } from "../../support/servers/cluster.ts";
import { frame, OPCODE } from "../../support/raw/frames.ts";
import { upgradeRequest } from "../../support/raw/websocket.ts";
import { within } from "../../support/waiting.ts";

// Connections of every kind open and close: the server's memory must not grow.

const isFull = process.env["LEAKS"] === "full";
/** Cycles of each kind; `LEAKS=full` is for a longer look. */
const CYCLES = isFull ? 20_000 : 200;
/** Cycles that fill caches and pools, and get code compiled: a megabyte in the first thousands, and then no more. */
const WARM_UP = isFull ? 5_000 : 100;
/** Connections at a time. */
const WIDTH = 50;
/** Bytes that may stay in all; a leak of the smallest object per cycle would be seen in the full run. */
const MARGIN = 1e6;

let server: ChildServer;
beforeAll(async () => {
  server = await ChildServer.start({
    allowEIO3: true,
    pingInterval: 300,
    pingTimeout: 1200,
    connectTimeout: 60_000,
    upgradeTimeout: 1000,
    destroyUpgradeTimeout: 50,
    cleanupEmptyChildNamespaces: true,
  });
});
afterEach(() => server.checkAlive());
afterAll(() => server.stop());

/** A bare connection with its received text, and a way to wait for more. */
class Wire {
  readonly #socket = connect({ port: server.port, host: "127.0.0.1", noDelay: true });
  #received = "";
  #onData: () => void = () => undefined;

  constructor() {
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#onData();
    });
  }

  /** Sends, and waits until later text matches. */
  async ask(bytes: string | Buffer, pattern: RegExp): Promise<string> {
    this.#received = "";
    const answered = new Promise<void>((resolve) => {
      this.#onData = () => pattern.test(this.#received) && resolve();
      this.#socket.once("close", () => resolve());
    });
    this.#socket.write(bytes);
    await within(answered, () => `${pattern} after ${String(bytes).slice(0, 60)}`, 10_000);
    return this.#received;
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Ends with RST or FIN, and waits for the close. */
  async end(how: "reset" | "end" = "end"): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    if (how === "reset") this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    await closed;
  }
}

const PATH = "/socket.io/?EIO=4&transport=polling";
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const text = (payload: string): Buffer => frame({ opcode: OPCODE.text, payload });

async function openPolling(wire: Wire): Promise<string> {
  const sid = /"sid":"([\w-]+)"/.exec(await wire.ask(get(PATH), /"sid":"[\w-]+"/))?.[1] ?? "";
  return `${PATH}&sid=${sid}`;
}

async function openWebSocket(wire: Wire, packets: readonly string[] = ["40"]): Promise<void> {
  await wire.ask(upgradeRequest({ port: server.port }), /\{"sid":.*\}/);
  for (const packet of packets) await wire.ask(text(packet), /40|44|42|43/);
}

type Cycle = (index: number, wire: Wire) => Promise<void>;

const CYCLE: Record<string, Cycle> = {
  async "websocket, left with a packet"(_index, wire) {
    await openWebSocket(wire);
    wire.send(text("41"));
    await wire.ask(frame({ opcode: OPCODE.close }), /\u0088/);
  },
  async "websocket, cut"(index, wire) {
    await openWebSocket(wire);
    await wire.end(index % 2 ? "reset" : "end");
  },
  async "polling, left with a packet"(_index, wire) {
    const path = await openPolling(wire);
    await wire.ask(post(path, "40"), /ok$/);
    await wire.ask(get(path), /40\{/);
    await wire.ask(post(path, "1"), /ok$/);
  },
  async "polling, cut while it waits"(index, wire) {
    const path = await openPolling(wire);
    await wire.ask(post(path, "40"), /ok$/);
    await wire.ask(get(path), /40\{/);
    wire.send(get(path));
    await wire.end(index % 2 ? "reset" : "end");
  },
  async upgraded(_index, wire) {
    const path = await openPolling(wire);
    await wire.ask(post(path, "40"), /ok$/);
    await wire.ask(get(path), /40\{/);
    const candidate = new Wire();
    const sid = path.slice(path.indexOf("sid=") + 4);
    await candidate.ask(upgradeRequest({ port: server.port, sid }), /101/);
    await candidate.ask(text("2probe"), /3probe/);
    await candidate.ask(Buffer.concat([text("5"), text('42["x"]')]), /42\["x"\]/);
    await candidate.end();
  },
  async "upgrades that are given up"(_index, wire) {
    const path = await openPolling(wire);
    const candidate = new Wire();
    const sid = path.slice(path.indexOf("sid=") + 4);
    await candidate.ask(upgradeRequest({ port: server.port, sid }), /101/);
    await candidate.ask(text("2probe"), /3probe/);
    await candidate.end("reset");
    await wire.ask(post(path, "1"), /ok$/);
  },
  async refused(index, wire) {
    const requests = [
      get("/socket.io/?EIO=4&transport=pigeon"),
      get(`${PATH}&sid=unknown${index}`),
      upgradeRequest({ port: server.port, sid: `unknown${index}` }),
      upgradeRequest({ port: server.port, path: "/elsewhere/" }),
    ];
    await wire.ask(requests[index % requests.length] as string, /HTTP\/1\.1 4/);
  },
  async "half-open: never a word after the handshake"(_index, wire) {
    await openPolling(wire);
  },
  async "half a request"(index, wire) {
    wire.send(get(PATH).slice(0, 1 + (index % 40)));
    await new Promise((resolve) => setImmediate(resolve));
  },
  async "refused by the namespace"(_index, wire) {
    await openWebSocket(wire, ["40/refuses,"]);
  },
  async rooms(index, wire) {
    await openWebSocket(wire, ["40", `420["join","room ${index}"]`, '421["leave"]', `422["join","other ${index}"]`]);
  },
  async "namespaces made for a client"(index, wire) {
    await openWebSocket(wire, [`40/dynamic-${index},`]);
  },
  async "acks that are never answered"(_index, wire) {
    await openWebSocket(wire, ["40", '42["ask"]', '42["ask in time"]']);
  },
};

/** Runs cycles, some at a time. */
async function run(cycle: Cycle, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const wire = new Wire();
      await cycle(index, wire);
      await wire.end();
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  // The heartbeat ends the connections that vanished silently.
  await server.settled(0);
}

describe(`${CYCLES} cycles`, () => {
  test.each(Object.entries(CYCLE))("%s", { timeout: 600_000 }, async (_name, cycle) => {
    await run(cycle, WARM_UP);
    const before = await server.memory();
    await run(cycle, CYCLES);
    // Timers of ended connections expire first.
    await eventually(async () => {
      const after = await server.memory();
      expect(after).toMatchObject({ sessions: 0, rooms: 0, sids: 0, namespaces: before.namespaces });
      expect(after.heapUsed - before.heapUsed, "bytes on the heap").toBeLessThan(MARGIN);
      expect(after.external - before.external, "bytes outside of it").toBeLessThan(MARGIN);
    });
  });
});

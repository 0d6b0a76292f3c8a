import { connect, createServer, type AddressInfo, type Server as NetServer, type Socket as Stream } from "node:net";
import { Server } from "@portage/server";
import { EventReader } from "../../support/peers/event-source.ts";
import { Random } from "../../support/random.ts";
import { Host } from "../../support/servers/host.ts";
import { within } from "../../support/waiting.ts";

export interface CutPlan {
  readonly seed: number;
  readonly readers: number;
  /** Connections to cut, of all readers together. */
  readonly cuts: number;
  /** Most bytes of a connection. It must carry more than is sent while its page is away. */
  readonly bytes: number;
  /** Milliseconds between two broadcasts. */
  readonly pace: number;
}

export interface CutOutcome {
  readonly sent: number;
  readonly heard: number;
  readonly cuts: number;
  readonly gaps: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Returns after which a session was not resumed. */
  readonly fresh: number;
}

export interface ScissorsPlan extends Pick<CutPlan, "seed" | "bytes"> {
  /** Least bytes of a connection. Default: 200. */
  readonly least?: number;
  /** One of so many connections is cut in its head or its first event. Default: those whose number of bytes is so small. */
  readonly early?: number;
}

/** Bytes of a head and its first event, at least. */
const EARLY = 300;

/** Cuts connections after a number of bytes that its seed decides: with an end, a reset, or by saying nothing. */
export class Scissors {
  cuts = 0;
  readonly #random: Random;
  readonly #plan: ScissorsPlan;
  readonly #server: NetServer;
  #isOn = true;

  constructor(plan: ScissorsPlan, port: number) {
    this.#random = new Random(plan.seed);
    this.#plan = plan;
    this.#server = createServer((near) => this.#join(near, connect(port, "127.0.0.1")));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  rest(): void {
    this.#isOn = false;
  }

  work(): void {
    this.#isOn = true;
  }

  close(): void {
    this.#server.close();
  }

  #nextLength(): number {
    const { bytes, least = 200, early } = this.#plan;
    return least + this.#random.below(early !== undefined && this.#random.below(early) === 0 ? EARLY : bytes);
  }

  #join(near: Stream, far: Stream): void {
    let left = this.#nextLength();
    const how = this.#random.below(3);
    for (const stream of [near, far]) stream.on("error", () => {}).on("close", () => far.destroy());
    near.on("data", (bytes) => far.write(bytes));
    far.on("end", () => near.end());
    far.on("data", (bytes) => {
      left -= bytes.length;
      if (left > 0 || !this.#isOn) {
        near.write(bytes);
        return;
      }
      near.write(bytes.subarray(0, Math.max(0, bytes.length + left)));
      this.cuts += 1;
      far.removeAllListeners("data");
      far.pause();
      if (how === 0) near.end();
      else near.resetAndDestroy();
      // The server notices it at once, later, or when its client has returned.
      if (how !== 2) far.destroy();
      else near.removeAllListeners("close");
    });
  }
}

/** What a page has heard. */
export interface Listened {
  readonly numbers: readonly number[];
  /** Returns after which its session was not resumed. */
  readonly fresh: number;
}

/** A page that returns, by the id of the last event. */
class Page implements Listened {
  readonly numbers: number[] = [];
  fresh = -1;
  readonly #url: { port: number; path: string };
  #lastEventId = "";
  #reader: EventReader | undefined;
  #isOver = false;

  constructor(port: number) {
    this.#url = { port, path: "/socket.io/?transport=sse" };
    void this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const headers: Record<string, string> = this.#lastEventId === "" ? {} : { "last-event-id": this.#lastEventId };
      const reader = (this.#reader = new EventReader({ ...this.#url, headers }));
      for (let event = await reader.next(); event !== "end"; event = await reader.next()) {
        if (event.name === "n") this.numbers.push((JSON.parse(event.data) as [number])[0]);
        else if (event.name === "connect" && !(JSON.parse(event.data) as { recovered: boolean }).recovered)
          this.fresh += 1;
        if (event.id !== undefined) this.#lastEventId = event.id;
      }
    }
  }

  close(): void {
    this.#isOver = true;
    this.#reader?.cut();
  }
}

/** Cuts the connections of pages while a server sends them numbers, and compares what they have heard. */
export async function runCuts(plan: CutPlan): Promise<CutOutcome> {
  const { readers, cuts, pace } = plan;
  const host = new Host();
  const io = new Server(host.http, { transports: ["sse"], connectionStateRecovery: {} });
  await host.listen();
  const scissors = new Scissors(plan, host.port);
  const port = await scissors.listen();
  const pages = Array.from({ length: readers }, () => new Page(port));
  const ready = (): boolean => pages.every(({ fresh }) => fresh >= 0);
  let sent = 0;
  const send = (): void => {
    for (let each = 0; each < 3; each += 1) io.emit("n", sent++, "x".repeat(sent % 97));
  };
  const isOver = (): boolean => pages.every(({ numbers }) => numbers.at(-1) === sent - 1);
  const run = async (): Promise<void> => {
    while (!ready()) await pause(1);
    for (; scissors.cuts < cuts; await pause(pace)) send();
    scissors.rest();
    send();
    while (!isOver()) await pause(5);
  };
  try {
    await within(run(), () => `all numbers: ${pages.map(({ numbers }) => numbers.at(-1)).join()} of ${sent}`, 60_000);
    return { sent, cuts: scissors.cuts, ...compared(pages) };
  } finally {
    for (const page of pages) page.close();
    scissors.close();
    host.http.closeAllConnections();
    await io.close();
  }
}

/** Compares what pages have heard with numbers in a row. */
export function compared(pages: readonly Listened[]): Omit<CutOutcome, "sent" | "cuts"> {
  const result = { heard: 0, gaps: 0, doubled: 0, reordered: 0, fresh: 0 };
  for (const { numbers, fresh } of pages) {
    result.heard += numbers.length;
    result.fresh += fresh;
    result.doubled += numbers.length - new Set(numbers).size;
    for (let at = 1; at < numbers.length; at += 1) {
      const step = numbers[at]! - numbers[at - 1]!;
      if (step < 0) result.reordered += 1;
      else if (step > 1) result.gaps += step - 1;
    }
  }
  return result;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

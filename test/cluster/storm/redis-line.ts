import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * - `open`: bytes pass, after `lag` milliseconds
 * - `silent`: bytes disappear
 * - `away`: connections are refused
 */
type LineState = "open" | "silent" | "away";

/** One direction of a connection: passes bytes on in order. */
class DelayedPipe {
  readonly #line: RedisLine;
  readonly #to: Socket;
  readonly #queue: { readonly due: number; readonly bytes: Buffer }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(line: RedisLine, to: Socket) {
    this.#line = line;
    this.#to = to;
  }

  /** Passes on what comes from here. */
  begin(from: Socket): void {
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("error", () => undefined);
    from.once("close", () => {
      clearTimeout(this.#timer);
      this.#to.destroy();
    });
  }

  #take(bytes: Buffer): void {
    if (this.#line.state === "silent") return;
    const { lag } = this.#line;
    if (lag === 0 && this.#queue.length === 0) return void this.#to.write(bytes);
    this.#queue.push({ due: performance.now() + lag, bytes });
    if (this.#queue.length === 1) this.#wait();
  }

  #wait(): void {
    const [first] = this.#queue;
    if (first !== undefined) this.#timer = setTimeout(() => this.#pass(), Math.max(0, first.due - performance.now()));
  }

  #pass(): void {
    const now = performance.now() + 1;
    while (this.#queue[0] !== undefined && this.#queue[0].due <= now) this.#to.write(this.#queue.shift()!.bytes);
    this.#wait();
  }
}

/** The connections of one node to Redis, which lag, break, or go silent. */
export class RedisLine {
  /** Milliseconds that bytes take, each way. */
  lag = 0;
  state: LineState = "open";
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((near) => {
      if (this.state === "away") {
        near.resetAndDestroy();
        return;
      }
      const far = connect(port, "127.0.0.1");
      for (const each of [near, far]) {
        each.setNoDelay(true);
        this.#open.add(each);
        each.once("close", () => this.#open.delete(each));
      }
      new DelayedPipe(this, far).begin(near);
      new DelayedPipe(this, near).begin(far);
    });
  }

  /** @param port of Redis */
  static async open(port: number): Promise<RedisLine> {
    const line = new RedisLine(port);
    await new Promise<void>((resolve) => line.#server.listen(0, "127.0.0.1", resolve));
    return line;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks the connections that are open. */
  cut(): void {
    for (const each of this.#open) each.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Head, HttpPieces, type Piece } from "./http-pieces.ts";

/** What a wall does with one connection. A method that is missing lets everything pass. */
export interface Rules {
  /** A request's head: returns what goes on in its place, or nothing when the wall has dealt with it. */
  request?(head: Head): Buffer | undefined;
  /** What the client sends after a request's head. */
  up?(piece: Piece): Buffer | undefined;
  /** What the server sends, heads included. */
  down?(piece: Piece): Buffer | undefined;
}

/** A wall, seen from one connection through it. */
export type Begin = (line: Line) => Rules;

export type Direction = "up" | "down";

/**
 * How a connection is lost.
 *
 * - `end`, `reset`: both sides learn of it
 * - `half-open`: the client learns of it, the server does not
 * - `silence`: neither does
 */
export type Loss = "end" | "reset" | "half-open" | "silence";

/** One connection through a wall. */
export class Line {
  /** Whether its first request asks for a WebSocket. */
  isWebSocket = false;
  readonly road: Road;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #muted = new Set<Direction>();
  readonly #rules: Rules;

  constructor(road: Road, client: Socket, server: Socket) {
    this.road = road;
    this.#client = client;
    this.#server = server;
    this.#rules = road.begin(this);
    const requests = new HttpPieces("requests");
    const answers = new HttpPieces("answers");
    client.on("data", (chunk) => {
      for (const piece of requests.add(chunk)) this.#write("up", this.#onRequestPiece(piece));
    });
    server.on("data", (chunk) => {
      for (const piece of answers.add(chunk)) this.#write("down", this.#judge("down", piece));
    });
    this.#join(client, server, "up");
    this.#join(server, client, "down");
  }

  /** Calls back later, unless the connection has ended. Milliseconds. */
  after(ms: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
  }

  /** From now on nothing passes, and neither side learns of it. */
  mute(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#muted.add(direction);
  }

  /** The wall answers in the server's place. */
  answer(status: string, body: string): void {
    this.mute("up", "down");
    this.#client.end(
      `HTTP/1.1 ${status}\r\nServer: wall/1.0\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    this.#server.destroy();
  }

  /** Ends both sides, with a FIN or a RST. */
  cut(how: "end" | "reset" = "end"): void {
    for (const each of [this.#client, this.#server]) {
      if (how === "reset") each.resetAndDestroy();
      else each.destroy();
    }
  }

  /** Sends these bytes in one direction, as the last ones, then ends in this way. */
  cutWith(direction: Direction, bytes: Buffer, loss: Loss): void {
    const to = direction === "up" ? this.#server : this.#client;
    const from = direction === "up" ? this.#client : this.#server;
    this.mute("up", "down");
    if (loss === "half-open") this.#client.resetAndDestroy();
    if (loss === "end" || loss === "reset") from.resetAndDestroy();
    to.write(bytes, () => {
      if (loss === "reset") to.resetAndDestroy();
      else if (loss === "end") to.end();
    });
  }

  /** Sends what was held back. */
  release(direction: Direction, bytes: Buffer): void {
    this.#write(direction, bytes);
  }

  #onRequestPiece(piece: Piece): Buffer | undefined {
    const { head } = piece;
    if (!head) return this.#judge("up", piece);
    if (head.headers.get("upgrade")?.toLowerCase() === "websocket") this.isWebSocket = true;
    return this.#rules.request ? this.#rules.request(head) : head.bytes;
  }

  #judge(direction: Direction, piece: Piece): Buffer | undefined {
    const rule = this.#rules[direction];
    return rule ? rule(piece) : piece.bytes;
  }

  #write(direction: Direction, bytes: Buffer | undefined): void {
    const to = direction === "up" ? this.#server : this.#client;
    if (bytes && !this.#muted.has(direction) && to.writable) to.write(bytes);
  }

  #join(from: Socket, to: Socket, direction: Direction): void {
    from.setNoDelay(true);
    from.on("error", () => undefined);
    from.on("end", () => {
      // a wall that has swallowed what was said swallows the goodbye, too
      if (!this.#muted.has(direction)) to.end();
    });
    from.on("close", (hadError) => {
      for (const timer of this.#timers) clearTimeout(timer);
      if (!this.#muted.has(direction)) {
        if (hadError) to.resetAndDestroy();
        else to.end();
      }
    });
  }

  get isOver(): boolean {
    return this.#client.destroyed && this.#server.destroyed;
  }

  /** Both sides, at the end of the test. */
  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** The way from clients to a server, with a wall across it. It reads HTTP by itself, and opens nothing but TCP. */
export class Road {
  readonly begin: Begin;
  /** When the first connection came, by `performance.now()`. */
  openedAt: number | undefined;
  /** Connections so far. */
  count = 0;
  readonly #server: Server;
  readonly #lines = new Set<Line>();

  constructor(port: number, begin: Begin) {
    this.begin = begin;
    this.#server = createServer({ allowHalfOpen: false }, (client) => {
      this.openedAt ??= performance.now();
      this.count++;
      const line = new Line(this, client, connect(port, "127.0.0.1"));
      for (const other of this.#lines) if (other.isOver) this.#lines.delete(other);
      this.#lines.add(line);
    });
  }

  /** Milliseconds since the first connection. */
  get age(): number {
    return this.openedAt === undefined ? 0 : performance.now() - this.openedAt;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const line of this.#lines) line.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

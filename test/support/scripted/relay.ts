import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../random.ts";

/** How a relay delays and splits bytes. By default it forwards them unchanged. */
export interface Weather {
  /** Seed of all decisions, so that a run can be repeated. */
  readonly random: Random;
  /** The longest delay of a piece, in milliseconds. */
  readonly delay: number;
  /** The longest piece: chunks are cut into some of 1 to this many bytes. */
  readonly piece: number;
}

/**
 * How connections are lost.
 *
 * - `end`: both sides get a FIN
 * - `reset`: both sides get a RST
 * - `half-open`: the client detects it, the server does not
 * - `swallow`: the relay reads and drops the server's data, then the client gets a FIN, and at last the server
 */
export type Loss = "end" | "reset" | "half-open" | "swallow";

export const LOSSES: readonly Loss[] = ["end", "reset", "half-open", "swallow"];

/** One direction of a connection: delays data, in order. */
class Lane {
  readonly #to: Socket;
  readonly #weather: Weather | undefined;
  readonly #queue: Buffer[] = [];
  #state: "idle" | "moving" | "ending" | "dead" = "idle";

  constructor(from: Socket, to: Socket, weather: Weather | undefined) {
    this.#to = to;
    this.#weather = weather;
    from.on("data", (chunk) => this.#push(chunk));
    from.on("end", () => this.#end());
    from.on("error", () => undefined);
    from.on("close", (hadError) => hadError && this.#state !== "dead" && to.resetAndDestroy());
  }

  /** Stops forwarding. */
  die(): void {
    this.#state = "dead";
    this.#queue.length = 0;
  }

  #push(chunk: Buffer): void {
    if (this.#state === "dead") return;
    if (!this.#weather) return void this.#to.write(chunk);
    const { random, piece } = this.#weather;
    // Not all chunks into tiny pieces, as large ones would take too long.
    for (let at = 0, size = 0; at < chunk.length; at += size) {
      size = this.#queue.length > 20 ? chunk.length : 1 + random.below(piece);
      this.#queue.push(chunk.subarray(at, at + size));
    }
    if (this.#state === "idle") this.#move();
  }

  #move(): void {
    if (this.#state === "dead") return;
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      if (this.#state === "ending") this.#to.end();
      else this.#state = "idle";
      return;
    }
    if (this.#state === "idle") this.#state = "moving";
    this.#to.write(chunk);
    const { random, delay } = this.#weather!;
    const wait = random.below(delay + 1);
    if (wait === 0) setImmediate(() => this.#move());
    else setTimeout(() => this.#move(), wait);
  }

  #end(): void {
    if (this.#state === "idle") this.#to.end();
    else if (this.#state === "moving") this.#state = "ending";
  }
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly up: Lane;
  readonly down: Lane;
}

/** A relay between clients and a server that delays data and loses connections. */
export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  constructor(port: number, weather?: Weather) {
    this.#server = createServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      const up = new Lane(client, upstream, weather);
      const pair = { client, upstream, up, down: new Lane(upstream, client, weather) };
      this.#pairs.add(pair);
      client.once("close", () => upstream.destroyed && this.#pairs.delete(pair));
      upstream.once("close", () => client.destroyed && this.#pairs.delete(pair));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Loses all connections; the server detects it, or its side stays open and silent. */
  cut(loss: Loss | boolean): void {
    const how = loss === true ? "end" : loss === false ? "half-open" : loss;
    for (const pair of this.#pairs) lose(pair, how);
  }

  /** Reads and drops all data of the server from now on. */
  deafen(): void {
    for (const { down } of this.#pairs) down.die();
  }

  async stop(): Promise<void> {
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function lose({ client, upstream, up, down }: Pair, loss: Loss): void {
  up.die();
  down.die();
  switch (loss) {
    case "end":
      client.destroy();
      upstream.destroy();
      return;
    case "reset":
      client.resetAndDestroy();
      upstream.resetAndDestroy();
      return;
    case "half-open":
      client.destroy();
      return;
    case "swallow":
      client.destroy();
      setTimeout(() => upstream.destroy(), 20);
      return;
  }
}

import type { Server } from "../index.ts";
import type { BoardSocket } from "./sockets.ts";

/** Sockets that are looked at in one second. */
const SOCKETS_A_SECOND = 256;
/** Round trips that the percentiles are made of. */
const KEPT = 1024;

/** The last round trips of connections, of some of them each second: all are looked at in turn. */
export class RoundTrips {
  readonly #io: Server;
  readonly #values = new Float32Array(KEPT);
  #count = 0;
  #next = 0;
  #iterator: Iterator<BoardSocket> | undefined;
  #sorted: Float32Array | undefined;

  constructor(io: Server) {
    this.#io = io;
  }

  /** Looks at the next connections. */
  look(): void {
    this.#sorted = undefined;
    this.#iterator ??= this.#io.sockets.sockets.values();
    for (let left = SOCKETS_A_SECOND; left > 0; left -= 1) {
      const { value, done } = this.#iterator.next();
      if (done) return void (this.#iterator = undefined);
      const { rtt } = value.conn as { readonly rtt?: number };
      if (rtt !== undefined) this.#add(rtt);
    }
  }

  #add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEPT;
    this.#count = Math.min(this.#count + 1, KEPT);
  }

  /** Returns a percentile in milliseconds; NaN before the first round trip. */
  percentile(percent: number): number {
    if (this.#count === 0) return Number.NaN;
    this.#sorted ??= this.#values.slice(0, this.#count).sort();
    return this.#sorted[Math.min(this.#count - 1, Math.floor((this.#count * percent) / 100))]!;
  }

  /** Forgets where it was: an iterator would keep the sockets. */
  stop(): void {
    this.#iterator = undefined;
  }
}

import { serverClock } from "../base/clock.ts";
import { nextTurn } from "../base/turn.ts";
import { isLeading, SeenConnection } from "./connection.ts";
import type { BoardCore } from "./part.ts";
import type { BoardSocket } from "./sockets.ts";

/** Sockets in one turn of the event loop, and the milliseconds that it may take. */
const SLICE_SIZE = 1000;
const SLICE_TIME = 2;
/** Sockets between two looks at the clock. */
const CHECK_EVERY = 64;

/** Looks at connections one after the other. Returns false to end the census. */
export type VisitConnection = (connection: SeenConnection) => boolean | void;

function* allSockets({ io }: BoardCore): Generator<BoardSocket> {
  for (const nsp of io._nsps.values()) yield* nsp.sockets.values();
}

/** Walks over all connections in short slices, one census after the other. */
export class Census {
  readonly #core: BoardCore;
  #last: Promise<void> = Promise.resolve();

  constructor(core: BoardCore) {
    this.#core = core;
  }

  /** Calls `visit` for each connection, the oldest first. */
  run(visit: VisitConnection): Promise<void> {
    this.#last = this.#last.then(() => this.#walk(allSockets(this.#core), visit));
    return this.#last;
  }

  /** Calls `visit` for the connections of some sockets. */
  runOver(sockets: Iterable<BoardSocket>, visit: VisitConnection): Promise<void> {
    this.#last = this.#last.then(() => this.#walk(sockets[Symbol.iterator](), visit));
    return this.#last;
  }

  #walk(sockets: Iterator<BoardSocket>, visit: VisitConnection): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        try {
          if (this.#slice(sockets, visit)) nextTurn(go, undefined);
          else resolve();
        } catch (error) {
          // The next census goes on.
          this.#last = Promise.resolve();
          reject(error);
        }
      };
      go();
    });
  }

  /** @returns whether there is more */
  #slice(sockets: Iterator<BoardSocket>, visit: VisitConnection): boolean {
    const start = serverClock.now();
    for (let count = 1; count <= SLICE_SIZE; count += 1) {
      const { value: socket, done } = sockets.next();
      if (done) return false;
      if (isLeading(socket) && visit(new SeenConnection(socket, this.#core)) === false) return false;
      if (count % CHECK_EVERY === 0 && serverClock.now() - start > SLICE_TIME) return true;
    }
    return true;
  }
}

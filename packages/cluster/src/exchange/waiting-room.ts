import type { Clock, PendingCall } from "@portage/server/relay";

/** A request that can't be placed yet. */
export interface Waiting {
  /** Places the request again. */
  retry(): void;
  /** Refuses the request: the time is up. */
  expire(): void;
}

/** Requests that wait for a node, by its tag; for this node itself under the empty tag. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #rooms = new Map<string, Map<Waiting, PendingCall>>();
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** @param ms time until the request is refused */
  add(tag: string, ms: number, request: Waiting): void {
    let room = this.#rooms.get(tag);
    if (!room) this.#rooms.set(tag, (room = new Map()));
    room.set(
      request,
      this.#clock.after(ms, () => {
        this.#remove(tag, request);
        request.expire();
      }),
    );
    this.#size += 1;
  }

  #remove(tag: string, request: Waiting): void {
    const room = this.#rooms.get(tag);
    if (!room?.delete(request)) return;
    this.#size -= 1;
    if (room.size === 0) this.#rooms.delete(tag);
  }

  /** Ends the wait of all requests that wait for a node. */
  settle(tag: string, how: "retry" | "expire"): void {
    const room = this.#rooms.get(tag);
    if (!room) return;
    this.#rooms.delete(tag);
    this.#size -= room.size;
    for (const timer of room.values()) timer.cancel();
    for (const request of room.keys()) request[how]();
  }
}

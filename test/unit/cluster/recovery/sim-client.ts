import type { LoggedEvent } from "../../../../packages/cluster/src/recovery/events.ts";
import type { Connection, SimWorld } from "./sim-world.ts";

/** The socket of a client at its node. */
interface ClientSocket {
  readonly id: string;
  readonly pid: string;
  readonly rooms: Set<string>;
}

/** A time in the room that the session joins and leaves; `until` is undefined while it is there. */
interface Stay {
  readonly since: number;
  until: number | undefined;
}

/**
 * A client of the simulation, and what its session has to receive: in the order of the log, nothing twice, and every event for
 * all, for itself and for the room that it is always in.
 */
export class SimClient {
  pid: string | undefined;
  sid = "";
  offset = "";
  connection: Connection | undefined;
  isConnected = false;
  /** The events from here on are for this session. */
  #start = 0;
  #epoch = "";
  readonly #received = new Set<number>();
  #last = 0;
  /** Times in the room `moving` that were written before, and not touched until after. */
  readonly stays: Stay[] = [];
  readonly outcomes: string[] = [];
  readonly faults: string[] = [];
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onConnected(connection: Connection, socket: ClientSocket, outcome: string): void {
    this.outcomes.push(outcome);
    // The client has left meanwhile: it does not hear the answer, but may have been recovered.
    if (connection !== this.connection || connection.state !== "open") return;
    this.isConnected = true;
    if (outcome === "recovered") {
      if (socket.pid !== this.pid) this.faults.push("another session was recovered");
      return;
    }
    this.pid = socket.pid;
    this.sid = socket.id;
    this.offset = "";
    this.#received.clear();
    this.#last = 0;
    this.#start = connection.node.events.delivered!.number;
    this.#epoch = connection.node.events.delivered!.epoch;
    this.stays.length = 0;
  }

  onRefused(connection: Connection, why: string): void {
    this.outcomes.push(why);
    if (connection === this.connection) this.connection = undefined;
  }

  /** Receives the next event of its connection. */
  hear(): void {
    const event = this.connection?.sent.shift();
    if (event === undefined) return this.#notice();
    this.#check(event);
    this.offset = this.#world.offsetOf(event);
  }

  /** Its node has closed the connection, because the session was taken by another one. */
  #notice(): void {
    if (this.connection?.state === "closed") this.connection = undefined;
  }

  #check({ number, epoch }: LoggedEvent): void {
    if (epoch !== this.#epoch) {
      // A new epoch has begun while the client was connected: nothing is promised across that.
      this.#epoch = epoch;
      this.#start = number - 1;
      this.#received.clear();
      this.#last = 0;
      this.stays.length = 0;
    }
    if (number <= this.#last) this.faults.push(`${number} came after ${this.#last}`);
    this.#last = number;
    this.#received.add(number);
    this.checkGaps(number);
  }

  /** Compares what it has received with what it should have, before an event. */
  checkGaps(before: number): void {
    for (const event of this.#world.history.events.slice(this.#start, before - 1)) {
      if (event.epoch === this.#epoch && this.#mustReceive(event) && !this.#received.has(event.number)) {
        this.faults.push(`${event.number} is missing before ${before}`);
        this.#received.add(event.number);
      }
    }
  }

  #mustReceive({ number, event: { opts } }: LoggedEvent): boolean {
    if (opts.except?.has("fixed") || opts.except?.has(this.sid)) return false;
    if (opts.rooms.size === 0 || opts.rooms.has("fixed") || opts.rooms.has(this.sid)) return true;
    return (
      opts.rooms.has("moving") && this.stays.some(({ since, until = Infinity }) => since < number && number <= until)
    );
  }

  get start(): number {
    return this.#start;
  }

  /** The client loses its connection; its node may not know. */
  cut(): void {
    if (this.connection === undefined) return;
    this.connection.state = "cut";
    this.connection.sent.length = 0;
    this.connection = undefined;
    this.isConnected = false;
  }
}

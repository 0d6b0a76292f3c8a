import type { SlowPolicy } from "../../engine/index.ts";
import type { BroadcastFlags } from "../adapter/adapter.ts";

/** What is known about a flag, besides what {@link SendFlagMethods} and {@link BroadcastFlagMethods} say of it. */
interface Flag {
  /** The file that obeys it, below `server/src`. Undefined: socket.io has it, and does nothing with it either. */
  readonly obeyedBy: string | undefined;
  /** How an event without the flag is sent. */
  readonly byDefault: unknown;
  /** Which objects have a method for it: sockets and whatever addresses many, the latter alone, or none. */
  readonly methodOf: "sockets and broadcasts" | "broadcasts" | "none";
}

/**
 * The flags of events, in one table. A new one needs a row here, a method in one of the interfaces below, and the file that obeys it; the
 * compiler finds the classes that lack the method.
 */
export const FLAGS = {
  compress: { obeyedBy: "engine/transports/websocket.ts", byDefault: true, methodOf: "sockets and broadcasts" },
  volatile: { obeyedBy: "socketio/client/client.ts", byDefault: false, methodOf: "sockets and broadcasts" },
  conflate: { obeyedBy: "socketio/adapter/send-plan.ts", byDefault: undefined, methodOf: "sockets and broadcasts" },
  ifSlow: { obeyedBy: "socketio/client/watched-send.ts", byDefault: undefined, methodOf: "sockets and broadcasts" },
  timeout: { obeyedBy: "socketio/broadcast/operator.ts", byDefault: undefined, methodOf: "sockets and broadcasts" },
  local: { obeyedBy: "socketio/adapter/cluster/cluster.ts", byDefault: false, methodOf: "broadcasts" },
  expectSingleResponse: { obeyedBy: "socketio/broadcast/operator.ts", byDefault: false, methodOf: "none" },
  broadcast: { obeyedBy: undefined, byDefault: undefined, methodOf: "none" },
  binary: { obeyedBy: undefined, byDefault: undefined, methodOf: "none" },
} as const satisfies Record<keyof BroadcastFlags, Flag>;

/**
 * Methods that say how the next event is to be sent.
 *
 * @typeParam Next what takes the next event
 */
export interface SendFlagMethods<Next> {
  /** Whether the next event may be compressed (default: true). */
  compress(compress: boolean): Next;

  /**
   * The next event may be lost: it is not sent to a client that can't take it at once.
   *
   * @example
   * io.volatile.emit("position", 1, 2);
   */
  readonly volatile: Next;

  /**
   * The next event takes the place of one with the same key that still waits for a client: of values that change faster
   * than the client reads, it gets the newest.
   *
   * @example
   * io.to("prices").conflate("EUR").emit("price", "EUR", 1.08);
   */
  conflate(key: string): Next;

  /**
   * What becomes of the next event where a client reads too slowly, in place of its `slowPolicy`.
   *
   * @example
   * socket.ifSlow("drop-newest").emit("typing", "Ada");
   */
  ifSlow(policy: SlowPolicy): Next;
}

/**
 * The same where the next event goes to many.
 *
 * @typeParam Timed what takes the next event once its acknowledgements have a time limit
 */
export interface BroadcastFlagMethods<Next, Timed> extends SendFlagMethods<Next> {
  /** Addresses the clients of this server only, when there are several. */
  readonly local: Next;

  /**
   * Gives the clients `timeout` milliseconds to acknowledge the next event.
   *
   * @example
   * io.timeout(1000).emit("who is there", (err, names) => {
   *   if (err) console.log("not all have answered", names);
   * });
   */
  timeout(timeout: number): Timed;
}

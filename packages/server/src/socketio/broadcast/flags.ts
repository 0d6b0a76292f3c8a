import type { SlowPolicy } from "../../engine/index.ts";
import type { BroadcastFlags } from "../adapter/adapter.ts";

/** A row of the table of flags; {@link SendFlagMethods} and {@link BroadcastFlagMethods} document the methods. */
interface Flag {
  /** The file that obeys the flag, below `server/src`; undefined for flags that have no effect, as in socket.io. */
  readonly obeyedBy: string | undefined;
  /** The value that an event without the flag has. */
  readonly byDefault: unknown;
  /** The objects that have a method for the flag. */
  readonly methodOf: "sockets and broadcasts" | "broadcasts" | "none";
}

/**
 * The flags of events. A new flag needs a row here, a method in one of the interfaces below, and a file that obeys it; the
 * compiler finds the classes without the method.
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
 * Methods that set a flag of the next event.
 *
 * @typeParam Next the object that emits the next event
 */
export interface SendFlagMethods<Next> {
  /** Sets whether the next event may be compressed. Default: true. */
  compress(compress: boolean): Next;

  /**
   * Allows the next event to be lost: clients that can't get it at once do not get it.
   *
   * @example
   * io.volatile.emit("position", 1, 2);
   */
  readonly volatile: Next;

  /**
   * Replaces an event with the same key that is still queued for a client. A slow client then gets the newest of the values
   * that change faster than it reads.
   *
   * @example
   * io.to("prices").conflate("EUR").emit("price", "EUR", 1.08);
   */
  conflate(key: string): Next;

  /**
   * Sets the policy for the next event when a client reads too slowly: "keep", "drop-newest", "drop-oldest" or "disconnect".
   * Default: the `slowPolicy` of each socket.
   *
   * @example
   * socket.ifSlow("drop-newest").emit("typing", "Ada");
   */
  ifSlow(policy: SlowPolicy): Next;
}

/**
 * Methods that set a flag of the next broadcast.
 *
 * @typeParam Timed the object that emits the next event when its acknowledgements have a time limit
 */
export interface BroadcastFlagMethods<Next, Timed> extends SendFlagMethods<Next> {
  /** Limits the next event to clients of this server. Default: all servers of the cluster. */
  readonly local: Next;

  /**
   * Gives the clients `timeout` milliseconds to acknowledge the next event. Its callback then gets an error or null first.
   *
   * @example
   * io.timeout(1000).emit("who is there", (err, names) => {
   *   if (err) console.log("not all have answered", names);
   * });
   */
  timeout(timeout: number): Timed;
}

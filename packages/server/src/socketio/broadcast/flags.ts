import type { SlowPolicy } from "../../engine/index.ts";
import type { BroadcastFlags } from "../adapter/adapter.ts";

/** A row of the table of flags; {@link SendFlagMembers} and {@link BroadcastFlagMembers} document the members. */
interface Flag {
  /** The file that obeys the flag, below `server/src`; undefined for flags that have no effect, as in socket.io. */
  readonly obeyedBy: string | undefined;
  /** The value that an event without the flag has. */
  readonly byDefault: unknown;
  /** The objects that have a member for the flag. */
  readonly memberOf: "all" | "broadcasts" | "none";
  /** A method takes the value of the flag, a getter sets true. */
  readonly as?: "method" | "getter";
}

/**
 * The flags of events. A new flag needs a row here, a member in one of the interfaces below, and a file that obeys it; the
 * classes take their members from here ({@link defineFlags}).
 */
export const FLAGS = {
  compress: { obeyedBy: "engine/transports/link-transport.ts", byDefault: true, memberOf: "all", as: "method" },
  volatile: { obeyedBy: "socketio/client/client.ts", byDefault: false, memberOf: "all", as: "getter" },
  conflate: { obeyedBy: "socketio/adapter/send-plan.ts", byDefault: undefined, memberOf: "all", as: "method" },
  ifSlow: { obeyedBy: "socketio/client/watched-send.ts", byDefault: undefined, memberOf: "all", as: "method" },
  timeout: { obeyedBy: "socketio/broadcast/operator.ts", byDefault: undefined, memberOf: "all", as: "method" },
  local: { obeyedBy: "socketio/adapter/cluster/cluster.ts", byDefault: false, memberOf: "broadcasts", as: "getter" },
  expectSingleResponse: { obeyedBy: "socketio/broadcast/operator.ts", byDefault: false, memberOf: "none" },
  broadcast: { obeyedBy: undefined, byDefault: undefined, memberOf: "none" },
  binary: { obeyedBy: undefined, byDefault: undefined, memberOf: "none" },
} as const satisfies Record<FlagName | Extract<keyof BroadcastFlagMembers, string>, Flag>;

export type FlagName = keyof BroadcastFlags;
export type FlagValue = BroadcastFlags[FlagName];

/** Sets one flag. */
export function setFlag<Name extends FlagName>(flags: BroadcastFlags, name: Name, value: BroadcastFlags[Name]): void {
  flags[name] = value;
}

/**
 * Adds the members for flags to the prototype of a class.
 *
 * @param set sets a flag of the next event, and returns the object that emits it
 */
export function defineFlags<Target extends object>(
  prototype: Target,
  memberOf: "all" | "broadcasts",
  set: (target: Target, name: FlagName, value: FlagValue) => unknown,
): void {
  for (const name of Object.keys(FLAGS) as FlagName[]) {
    const flag: Flag = FLAGS[name];
    if (flag.memberOf === "none" || (flag.memberOf === "broadcasts" && memberOf === "all")) continue;
    const holder: object & ThisType<Target> =
      flag.as === "getter"
        ? {
            get [name](): unknown {
              return set(this, name, true);
            },
          }
        : {
            [name](value: FlagValue): unknown {
              return set(this, name, value);
            },
          };
    Object.defineProperty(prototype, name, { ...Object.getOwnPropertyDescriptor(holder, name), enumerable: false });
  }
}

/** The key of the members' return type, which each class declares for itself. Exists in types alone. */
export declare const kNext: unique symbol;
/** The key of the return type of {@link BroadcastFlagMembers.timeout}. */
export declare const kTimed: unique symbol;

/** Members that set a flag of the next event. */
export interface SendFlagMembers {
  /** The object that emits the next event. */
  readonly [kNext]: unknown;
  /** The same when the acknowledgement of the event has a time limit. */
  readonly [kTimed]: unknown;
  /** Sets whether the next event may be compressed. Default: true. */
  compress(compress: boolean): this[typeof kNext];

  /**
   * Allows the next event to be lost: clients that can't get it at once do not get it.
   *
   * @example
   * io.volatile.emit("position", 1, 2);
   */
  readonly volatile: this[typeof kNext];

  /**
   * Replaces an event with the same key that is still queued for a client. A slow client then gets the newest of the values
   * that change faster than it reads.
   *
   * @example
   * io.to("prices").conflate("EUR").emit("price", "EUR", 1.08);
   */
  conflate(key: string): this[typeof kNext];

  /**
   * Sets the policy for the next event when a client reads too slowly: "keep", "drop-newest", "drop-oldest" or "disconnect".
   * Default: the `slowPolicy` of each socket.
   *
   * @example
   * socket.ifSlow("drop-newest").emit("typing", "Ada");
   */
  ifSlow(policy: SlowPolicy): this[typeof kNext];

  /**
   * Gives clients `timeout` milliseconds to acknowledge the next event. Its callback then gets an error or null first.
   *
   * @example
   * socket.timeout(5000).emit("question", (err, answer) => console.log(err ? "no answer" : answer));
   *
   * io.timeout(1000).emit("who is there", (err, names) => {
   *   if (err) console.log("not all have answered", names);
   * });
   */
  timeout(timeout: number): this[typeof kTimed];
}

/** Members that set a flag of the next broadcast. */
export interface BroadcastFlagMembers extends SendFlagMembers {
  /** Limits the next event to clients of this server. Default: all servers of the cluster. */
  readonly local: this[typeof kNext];
}

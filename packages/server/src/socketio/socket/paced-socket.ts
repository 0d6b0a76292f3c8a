import { assignable } from "../../base/assignable.ts";
import type { BroadcastFlags } from "../adapter/adapter.ts";
import {
  type CloseReason,
  type Congestion,
  kCongestion,
  kWatchQueue,
  type Session,
  type SlowPolicy,
} from "../../engine/index.ts";
import type { DisconnectCode } from "../report/close-codes.ts";
import type { DisconnectReason } from "./types.ts";
import { type EventsMap, StrictEventEmitter } from "../events/typed-events.ts";
import { defineFlags, type kNext, type SendFlagMembers, setFlag } from "../broadcast/flags.ts";
import type { SessionPort } from "../client/session-port.ts";
import { kNextFlags, kPort, kTakeFlags } from "../keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kFlags = Symbol("flags");
const kWatch = Symbol("watch");

/*
 * Backpressure of one socket, and the flags of its next event.
 *
 * All sockets of a connection share the connection's queue, policy and counters: `slowPolicy`, `bufferedBytes`,
 * `droppedEvents` and `drain` concern the connection. A client is slow while more than `slowReader.soft` bytes are queued,
 * and every event is then sent or dropped by the policy, or by its own `ifSlow` flag.
 *
 * Invariant between calls: `kFlags` has the flags set since the last event of this socket, or is undefined.
 * Each `emit` that does not throw takes them (`kTakeFlags`), so flags apply to one event.
 *
 * What would break it: an early return from `emit` before it takes the flags. They would apply to the next event.
 */

/** A socket with the flags of its next event and the backpressure of its connection. */
export abstract class PacedSocket<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
> extends StrictEventEmitter<ListenEvents, EmitEvents, ReservedEvents> {
  abstract get conn(): Session;
  abstract readonly client: { readonly [kPort]: SessionPort };
  private [kFlags]: BroadcastFlags | undefined;
  /**
   * Why the socket was disconnected; undefined until `disconnecting` is emitted. Has the classic reason, a code, a sentence,
   * the side that ended it, and the limit that was exceeded, if any.
   *
   * @example
   * socket.on("disconnect", (reason) => console.log(reason, socket.closeReason?.code, socket.closeReason?.message));
   */
  declare closeReason?: CloseReason<DisconnectReason, DisconnectCode>;

  // ---- the next event ----------------------------------------------------------------------------------------------

  /** The flags of the next event. */
  protected get flags(): BroadcastFlags {
    return this[kNextFlags]();
  }

  protected set flags(flags: BroadcastFlags) {
    this[kFlags] = flags;
  }

  /** Returns the flags of the next event, which the caller may change. */
  protected [kNextFlags](): BroadcastFlags {
    return (this[kFlags] ??= {});
  }

  protected [kTakeFlags](): BroadcastFlags | undefined {
    const flags = this[kFlags];
    this[kFlags] = undefined;
    return flags;
  }

  // ---- backpressure ------------------------------------------------------------------------------------------------

  /**
   * Bytes (and characters of text) queued for the whole connection, which the operating system has not taken yet.
   *
   * @example
   * if (socket.bufferedBytes > 100_000) console.log("the client does not keep up");
   */
  get bufferedBytes(): number {
    return (this.conn as Partial<Session>).bufferedBytes ?? 0;
  }

  /**
   * Resolves when at most `slowReader.soft` bytes are queued for the connection, at once if that is so already.
   *
   * @returns false when the connection has ended
   *
   * @example
   * for (const row of rows) {
   *   if (!(await socket.whenDrained())) break;
   *   socket.emit("row", row);
   * }
   */
  async whenDrained(): Promise<boolean> {
    await this[kWatch]()?.whenDrained();
    return this.conn.readyState === "open";
  }

  /**
   * The policy for events while the client reads too slowly: "keep", "drop-newest", "drop-oldest" or "disconnect". Applies to
   * the whole connection. Default: the option `slowReader.policy`.
   *
   * @example
   * io.on("connection", (socket) => {
   *   socket.slowPolicy = "drop-oldest";
   *   socket.on("drain", () => console.log("keeps up again; dropped so far:", socket.droppedEvents));
   * });
   */
  get slowPolicy(): SlowPolicy {
    return this[kWatch]()?.policy ?? "keep";
  }

  set slowPolicy(policy: SlowPolicy) {
    const congestion = this[kWatch]();
    if (congestion !== undefined) congestion.policy = policy;
  }

  /** The number of events dropped on this connection because the client reads too slowly. */
  get droppedEvents(): number {
    return this.client[kPort][kCongestion]?.dropped ?? 0;
  }

  /** Returns undefined with another engine. */
  private [kWatch](): Congestion | undefined {
    return this.client[kPort][kWatchQueue]?.();
  }
}

/** The members that {@link defineFlags} adds. TypeScript requires the type parameters of the class here. */
export interface PacedSocket<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
> extends SendFlagMembers {
  readonly [kNext]: this;
}

defineFlags(PacedSocket.prototype, "all", (socket, name, value) => {
  setFlag(socket[kNextFlags](), name, value);
  return socket;
});
assignable(PacedSocket.prototype, "bufferedBytes", "droppedEvents");

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
import type { SendFlagMethods } from "../broadcast/flags.ts";
import type { SessionPort } from "../client/session-port.ts";
import { kNextFlags, kPort, kTakeFlags } from "../keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kFlags = Symbol("flags");
const kWatch = Symbol("watch");

/**
 * What a socket knows about the pace of its peer, and how the next event is to be sent.
 *
 * The sockets of one connection share its queue: what waits for one of them waits for all.
 */
export abstract class PacedSocket<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
>
  extends StrictEventEmitter<ListenEvents, EmitEvents, ReservedEvents>
  implements SendFlagMethods<PacedSocket<ListenEvents, EmitEvents, ReservedEvents>>
{
  abstract get conn(): Session;
  abstract readonly client: { readonly [kPort]: SessionPort };
  private [kFlags]: BroadcastFlags | undefined;
  /**
   * Why the socket was disconnected: set from `disconnecting` on. The classic reason, a code, a sentence, who brought it
   * about, and numbers where there are any.
   *
   * @example
   * socket.on("disconnect", (reason) => console.log(reason, socket.closeReason?.code, socket.closeReason?.message));
   */
  declare closeReason?: CloseReason<DisconnectReason, DisconnectCode>;

  // ---- the next event ----------------------------------------------------------------------------------------------

  compress(compress: boolean): this {
    this[kNextFlags]().compress = compress;
    return this;
  }

  get volatile(): this {
    this[kNextFlags]().volatile = true;
    return this;
  }

  conflate(key: string): this {
    this[kNextFlags]().conflate = key;
    return this;
  }

  ifSlow(policy: SlowPolicy): this {
    this[kNextFlags]().ifSlow = policy;
    return this;
  }

  /** How the next event is to be sent. */
  protected get flags(): BroadcastFlags {
    return this[kNextFlags]();
  }

  protected set flags(flags: BroadcastFlags) {
    this[kFlags] = flags;
  }

  /** How the next event is to be sent; to be changed. */
  protected [kNextFlags](): BroadcastFlags {
    return (this[kFlags] ??= {});
  }

  protected [kTakeFlags](): BroadcastFlags | undefined {
    const flags = this[kFlags];
    this[kFlags] = undefined;
    return flags;
  }

  // ---- the pace of the peer ----------------------------------------------------------------------------------------

  /**
   * Bytes, and characters of text, that were sent and that the system has not taken yet, on the whole connection.
   *
   * @example
   * if (socket.bufferedBytes > 100_000) console.log("the client does not keep up");
   */
  get bufferedBytes(): number {
    return (this.conn as Partial<Session>).bufferedBytes ?? 0;
  }

  /**
   * Resolves at once, or when no more than `slowReader.soft` bytes wait for the client any more. False: it has gone.
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
   * What becomes of events while the client reads too slowly: see `slowReader.policy`, which it is at first. It holds for
   * the whole connection.
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

  /** Events that were dropped on this connection because the client reads too slowly. */
  get droppedEvents(): number {
    return this.client[kPort][kCongestion]?.dropped ?? 0;
  }

  /** Undefined with another engine. */
  private [kWatch](): Congestion | undefined {
    return this.client[kPort][kWatchQueue]?.();
  }
}

assignable(PacedSocket.prototype, "bufferedBytes", "droppedEvents");

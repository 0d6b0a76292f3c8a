import { kEngineClock } from "../../../engine/index.ts";
import { type Clock, serverClock, type PendingCall } from "../../../base/clock.ts";
import { bounded } from "../../../base/numbers.ts";
import { SocketIoError } from "../../report/errors.ts";
import { kNamespace } from "../../keys.ts";
import type { AdapterNamespace } from "../surface.ts";
import { ClusterAdapter } from "./cluster.ts";
import {
  type ClusterMessage,
  type ClusterMessageBody,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from "./messages.ts";
import type { Asked } from "./requests.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kTime = Symbol("time");
const kHeartbeatOptions = Symbol("heartbeatOptions");
const kServers = Symbol("servers");
const kMembership = Symbol("membership");
const kHeartbeat = Symbol("heartbeat");
const kRollCall = Symbol("rollCall");
const kCallRollLater = Symbol("callRollLater");
const kRecordServer = Symbol("recordServer");
const kRemove = Symbol("remove");
const kBeatLater = Symbol("beatLater");

/** Options of {@link ClusterAdapterWithHeartbeat}. */
export interface ClusterAdapterOptions {
  /** This server sends a heartbeat after this many milliseconds without another message. Default: 5000. */
  heartbeatInterval?: number;
  /** Another server counts as gone after this many milliseconds without a message. Default: 10000. */
  heartbeatTimeout?: number;
}

const HEARTBEAT_DEFAULTS = { heartbeatInterval: 5000, heartbeatTimeout: 10_000 } as const;

/** The interval of the search for silent servers, in milliseconds. */
const ROLL_CALL_INTERVAL = 1000;

/** Most servers that are counted, since any message on the bus can add one. */
const MAX_SERVERS = 1000;

/** The id of programs that emit without a server. They never answer, so they are not counted. */
const EMITTER = "emitter";

/** A {@link ClusterAdapter} for a bus that does not know its servers: heartbeats show which ones are alive. */
export abstract class ClusterAdapterWithHeartbeat extends ClusterAdapter {
  private readonly [kTime]: Clock;
  private readonly [kHeartbeatOptions]: Required<ClusterAdapterOptions>;
  /** When each of the other servers sent its last message, by the server's clock. */
  private readonly [kServers] = new Map<ServerId, number>();
  private [kMembership]: "open" | "closed" = "open";
  private [kHeartbeat]: PendingCall | undefined;
  private [kRollCall]: PendingCall | undefined;

  protected constructor(nsp: unknown, opts: ClusterAdapterOptions = {}) {
    super(nsp);
    const { server }: Partial<AdapterNamespace> = this[kNamespace];
    this[kTime] = server?.[kEngineClock] ?? serverClock;
    const { heartbeatInterval, heartbeatTimeout } = HEARTBEAT_DEFAULTS;
    this[kHeartbeatOptions] = {
      heartbeatInterval: bounded(opts.heartbeatInterval, 0, Infinity, heartbeatInterval),
      heartbeatTimeout: bounded(opts.heartbeatTimeout, 0, Infinity, heartbeatTimeout),
    };
  }

  /** Announces this server to the cluster. */
  override init(): Promise<void> | void {
    this.publish({ type: MessageType.INITIAL_HEARTBEAT });
    this[kCallRollLater]();
  }

  /** Announces that this server leaves the cluster. */
  override close(): Promise<void> | void {
    this.publish({ type: MessageType.ADAPTER_CLOSE });
    this[kMembership] = "closed";
    this[kHeartbeat]?.cancel();
    this[kRollCall]?.cancel();
    return super.close();
  }

  /** Handles a message from the bus. Public, as in `socket.io-adapter`. */
  override onMessage(message: ClusterMessage, offset?: Offset): void {
    super.onMessage(message, offset);
  }

  protected override handleMessage(message: ClusterMessage, offset?: Offset): void {
    // The message may be malformed; the base class reports it.
    const { uid, type } = (message ?? {}) as Partial<ClusterMessage>;
    if (uid === this.uid || this[kMembership] === "closed") return;
    if (typeof uid === "string" && uid !== "" && uid !== EMITTER) this[kRecordServer](uid);
    if (type === MessageType.INITIAL_HEARTBEAT) this.publish({ type: MessageType.HEARTBEAT });
    else if (type === MessageType.ADAPTER_CLOSE) this[kRemove](uid as ServerId);
    else super.handleMessage(message, offset);
  }

  /** Records that a server is alive. */
  private [kRecordServer](uid: ServerId): void {
    if (this[kServers].has(uid) || this[kServers].size < MAX_SERVERS) this[kServers].set(uid, this[kTime].now());
    else this.reportFailure(new SocketIoError("TOO_MANY_SERVERS"));
  }

  override onResponse(response: ClusterResponse): void {
    super.onResponse(response);
  }

  /** Returns the number of servers, this one included. */
  override serverCount(): Promise<number> {
    return Promise.resolve(1 + this[kServers].size);
  }

  protected override othersToAsk(): Promise<Asked> {
    return Promise.resolve([...this[kServers].keys()]);
  }

  override publish(message: ClusterMessageBody): void {
    this[kBeatLater]();
    super.publish(message);
  }

  /** Restarts the interval: any message shows that this server is alive. */
  private [kBeatLater](): void {
    if (this[kMembership] === "closed") return;
    this[kHeartbeat] ??= this[kTime].after(this[kHeartbeatOptions].heartbeatInterval, () =>
      this.publish({ type: MessageType.HEARTBEAT }),
    );
    this[kHeartbeat].refresh();
  }

  private [kCallRollLater](): void {
    this[kRollCall] ??= this[kTime].after(ROLL_CALL_INTERVAL, () => {
      const silentSince = this[kTime].now() - this[kHeartbeatOptions].heartbeatTimeout;
      for (const [uid, heardAt] of this[kServers]) if (heardAt < silentSince) this[kRemove](uid);
      this[kRollCall]?.refresh();
    });
  }

  private [kRemove](uid: ServerId): void {
    this[kServers].delete(uid);
    this.forgetServer(uid);
  }
}

import { type Clock, systemClock, type Timer } from "../../clock.ts";
import { SocketIoError } from "../errors.ts";
import type { Untyped } from "../typed-events.ts";
import { ClusterAdapter } from "./cluster.ts";
import {
  type ClusterMessage,
  type ClusterMessageBody,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from "./cluster-messages.ts";
import type { Asked } from "./cluster-requests.ts";

/** Options of {@link ClusterAdapterWithHeartbeat}. */
export interface ClusterAdapterOptions {
  /** Milliseconds of silence after which this server says that it is there. Default: 5000. */
  heartbeatInterval?: number;
  /** Milliseconds of silence after which another server counts as gone. Default: 10000. */
  heartbeatTimeout?: number;
}

const HEARTBEAT_DEFAULTS = { heartbeatInterval: 5000, heartbeatTimeout: 10_000 } as const;

/** How often silent servers are looked for, in milliseconds. */
const ROLL_CALL_INTERVAL = 1000;

/** Servers that are waited for; each is there because it says so. */
const MAX_SERVERS = 1000;

/** Programs that only emit, without a server, have this id: they answer nothing and are not counted. */
const EMITTER = "emitter";

/** A {@link ClusterAdapter} for a bus that does not know who is there: the servers tell each other. */
export abstract class ClusterAdapterWithHeartbeat extends ClusterAdapter {
  readonly #clock: Clock;
  readonly #options: Required<ClusterAdapterOptions>;
  /** When each of the other servers was heard last. */
  readonly #servers = new Map<ServerId, number>();
  #state: "open" | "closed" = "open";
  #heartbeat: Timer | undefined;
  #rollCall: Timer | undefined;

  protected constructor(nsp: Untyped, opts: ClusterAdapterOptions = {}) {
    super(nsp);
    this.#clock = (nsp as { server?: { clock?: Clock } }).server?.clock ?? systemClock;
    this.#options = { ...HEARTBEAT_DEFAULTS, ...opts };
  }

  /** Says hello to the cluster. */
  override init(): Promise<void> | void {
    this.publish({ type: MessageType.INITIAL_HEARTBEAT });
    this.#callRollLater();
  }

  /** Says good-bye to the cluster. */
  override close(): Promise<void> | void {
    this.publish({ type: MessageType.ADAPTER_CLOSE });
    this.#state = "closed";
    this.#heartbeat?.cancel();
    this.#rollCall?.cancel();
    return super.close();
  }

  /** Public, as that of `socket.io-adapter` is. */
  override onMessage(message: ClusterMessage, offset?: Offset): void {
    super.onMessage(message, offset);
  }

  protected override heed(message: ClusterMessage, offset?: Offset): void {
    // The bus may bring anything; what is no message is told by the class below.
    const { uid, type } = (message ?? {}) as Partial<ClusterMessage>;
    if (uid === this.uid || this.#state === "closed") return;
    if (typeof uid === "string" && uid !== "" && uid !== EMITTER) this.#hear(uid);
    if (type === MessageType.INITIAL_HEARTBEAT) this.publish({ type: MessageType.HEARTBEAT });
    else if (type === MessageType.ADAPTER_CLOSE) this.#remove(uid as ServerId);
    else super.heed(message, offset);
  }

  /** A server is there. */
  #hear(uid: ServerId): void {
    if (this.#servers.has(uid) || this.#servers.size < MAX_SERVERS) this.#servers.set(uid, this.#clock.now());
    else this.reportFailure(new SocketIoError("TOO_MANY_SERVERS"));
  }

  override onResponse(response: ClusterResponse): void {
    super.onResponse(response);
  }

  /** How many servers there are, this one included. */
  override serverCount(): Promise<number> {
    return Promise.resolve(1 + this.#servers.size);
  }

  protected override othersToAsk(): Promise<Asked> {
    return Promise.resolve([...this.#servers.keys()]);
  }

  override publish(message: ClusterMessageBody): void {
    this.#beatLater();
    super.publish(message);
  }

  /** Everything that is said shows that this server is there: the heartbeat is for silence. */
  #beatLater(): void {
    if (this.#state === "closed") return;
    this.#heartbeat ??= this.#clock.after(this.#options.heartbeatInterval, () =>
      this.publish({ type: MessageType.HEARTBEAT }),
    );
    this.#heartbeat.refresh();
  }

  #callRollLater(): void {
    this.#rollCall ??= this.#clock.after(ROLL_CALL_INTERVAL, () => {
      const silentSince = this.#clock.now() - this.#options.heartbeatTimeout;
      for (const [uid, heardAt] of this.#servers) if (heardAt < silentSince) this.#remove(uid);
      this.#rollCall?.refresh();
    });
  }

  #remove(uid: ServerId): void {
    this.#servers.delete(uid);
    this.forgetServer(uid);
  }
}

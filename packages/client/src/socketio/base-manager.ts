import { splitArguments } from "../arguments.ts";
import type { DefaultEventsMap, EventsMap } from "../typed-events.ts";
import { ConnectingManager } from "./connection/connecting.ts";
import { Encoder } from "./codec/encoder.ts";
import { observe } from "./observe.node.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { encodeWith, type OutgoingPacket } from "./codec/packet.ts";
import { Socket } from "./socket.ts";

export type { ManagerDiagnosis, ManagerReservedEvents } from "./connection/manager-events.ts";

/** What managers share, however their connection comes about: the sockets of several namespaces on one connection. */
export abstract class BaseManager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends ConnectingManager {
  /** Whether sockets connect as soon as they are made. */
  declare _autoConnect: boolean;
  /** The sockets by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents>> = Object.create(null);
  declare readonly encoder: { encode(packet: unknown): unknown[] };

  /**
   * @param uri of the server; default: the page's origin, else `localhost`
   * @param opts see {@link ManagerOptions}
   */
  constructor(opts: Partial<ManagerOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>) {
    const [address, given] = splitArguments(uri, opts);
    super(given);
    this.uri = address;
    this.encoder = new (given.parser?.Encoder ?? Encoder)();
    this._autoConnect = given.autoConnect !== false;
    if (this._autoConnect) this.open();
  }

  /**
   * The socket of a namespace: a new one, or the one that is there, which connects again if it was idle.
   *
   * @example const chat = manager.socket("/chat", { auth: { token: "x" } });
   */
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents> {
    const socket = this.nsps[nsp];
    if (!socket) return (this.nsps[nsp] = new Socket<ListenEvents, EmitEvents>(this, nsp, opts));
    if (this._autoConnect && !socket.active) socket.connect();
    return socket;
  }

  /** Closes the connection when no socket needs it any more. */
  _destroy(_socket?: unknown): void {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }

  /** Encodes and sends a packet. @throws ClientError `NOT_ENCODABLE` */
  _packet(packet: OutgoingPacket): void {
    for (const part of encodeWith(this.encoder, packet)) this.engine.write(part, packet.options);
  }
}

observe(BaseManager.prototype, Socket.prototype);

import type { AckTally } from "../events/acks.ts";
import type { kEngineClock, PreparedMessage, SlowPolicy } from "../../engine/index.ts";
import type { Packet } from "@portage/parser/socket";
import type { ParserModule, RawData } from "../packets/codec.ts";
import type { Clock } from "../../base/clock.ts";
import type {
  kBroadcastsGot,
  kClusterKeys,
  kCustomParser,
  kDropAck,
  kDropOldestAck,
  kLimits,
  kProbe,
  kReadsOnly,
  kTally,
  kTraceparent,
} from "../keys.ts";
import type { PacketProbe } from "../probe.ts";
import type { RecoverySettings } from "../recovery/options.ts";
import type { ClusterKeys } from "./cluster/keys.ts";

// The members of sockets, clients, namespaces and servers that adapters use, third-party ones included. No other
// underscore members cross from one object to another.

/** The public id of a socket. */
export type SocketId = string;
/** The name of a room. Each socket joins a room named like its own id. */
export type Room = string;

/** A packet as adapters pass it on. They set the namespace, and the id when they ask for acknowledgements. */
export interface AdapterPacket {
  /** A packet type of Socket.IO. */
  type: number;
  /** The namespace. */
  nsp?: string;
  /** The name of the event and its arguments. */
  data: unknown[];
  /** The id of the acknowledgement that it asks for. */
  id?: number | undefined;
}

/** Options for writing encoded packets: the public ones, and more that only adapters of this package set. */
export interface PacketWriteOptions {
  preEncoded?: boolean | undefined;
  compress?: boolean | undefined;
  volatile?: boolean | undefined;
  // Set by adapters of this package alone.
  conflate?: string | undefined;
  ifSlow?: SlowPolicy | undefined;
  readonly [kTraceparent]?: string | undefined;
  /** The packets and frames that all receivers share; includes `encoded`. */
  readonly prepared?: PreparedMessage;
  /** The offset, if it is the last argument of the event. */
  readonly offset?: string | undefined;
  /** Whether a refused client would be refused again. */
  readonly isFinal?: boolean;
  /** Frames that third-party adapters made for another engine. Ignored. */
  wsPreEncodedFrame?: unknown;
}

/** Whether the sender has encoded a packet already. */
export function isEncoded(
  _packet: Packet | readonly RawData[],
  options: PacketWriteOptions | undefined,
): _packet is readonly RawData[] {
  return options !== undefined && !!options.preEncoded;
}

/** A client, as adapters see it. */
export interface AdapterClient {
  /** The session. Missing when an adapter runs without a server. */
  readonly conn?: { readonly protocol: number; close?(): unknown };
  /** Whether the client can't acknowledge. */
  readonly [kReadsOnly]?: boolean;
  /** Writes encoded packets. Clients that get the same array share the frames made of it. */
  writeToEngine(encoded: readonly RawData[], options: PacketWriteOptions): void;
}

/** A socket, as adapters see it. */
export interface AdapterSocket {
  readonly id: SocketId;
  readonly client: AdapterClient;
  readonly acks: Map<number, (...args: unknown[]) => void>;
  /** The number of the last large broadcast that the socket has got or skipped. */
  [kBroadcastsGot]?: number;
  join(rooms: Room | Room[]): unknown;
  leave(room: Room): unknown;
  disconnect(close?: boolean): unknown;
  /** Forgets an acknowledgement that has expired. */
  [kDropAck]?(id: number): void;
  /** Makes room by dropping the oldest pending acknowledgement, and reports the limit. */
  [kDropOldestAck]?(limit: number): void;
  notifyOutgoingListeners?(packet: { data: unknown[] }): void;
}

/** A namespace, as adapters see it. */
export interface AdapterNamespace {
  /** Its name, `/` for the main one. */
  readonly name: string;
  /** Its sockets on this server, by id. */
  readonly sockets: ReadonlyMap<SocketId, AdapterSocket>;
  /** The id of the next packet that asks for an acknowledgement, shared by all sockets of the namespace. */
  _ids: number;
  /** The server, as adapters use it. */
  readonly server: {
    readonly encoder: { encode(packet: AdapterPacket): readonly RawData[] };
    // Missing when an adapter runs without a server.
    readonly opts?: RecoverySettings;
    readonly [kEngineClock]?: Clock;
    readonly [kClusterKeys]?: ClusterKeys | undefined;
    readonly [kCustomParser]?: ParserModule | undefined;
    readonly [kLimits]?: { readonly maxPendingAcks: number };
    readonly [kProbe]?: PacketProbe | undefined;
    readonly [kTally]?: AckTally & { countDropped(limit: string): void };
  };
  _onServerSideEmit(args: [string, ...unknown[]]): void;
}

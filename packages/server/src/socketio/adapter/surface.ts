import type { kEngineClock, PreparedMessage, SlowPolicy } from "../../engine/index.ts";
import type { Packet } from "@portage/parser/socket";
import type { RawData } from "../packets/codec.ts";
import type { Clock } from "../../base/clock.ts";
import type { kBroadcastsGot, kClusterKeys, kDropAck, kDropOldestAck, kLimits, kTally } from "../keys.ts";
import type { RecoverySettings } from "../recovery/options.ts";
import type { ClusterKeys } from "./cluster/keys.ts";

// The members of sockets, clients, namespaces and servers that adapters touch, also those written by others: the only
// underscore members that cross from one object to another.

/** The public id of a socket. */
export type SocketId = string;
/** The name of a room. Each socket is in a room that has its own id as name. */
export type Room = string;

/** A packet as adapters hand it around: they set the namespace, and the id when they ask for acknowledgements. */
export interface AdapterPacket {
  type: number;
  nsp?: string;
  data: unknown[];
  id?: number | undefined;
}

/** How encoded packets are to be written: what adapters of others hand in, and more where the adapter is ours. */
export interface WriteOptions {
  preEncoded?: boolean | undefined;
  compress?: boolean | undefined;
  volatile?: boolean | undefined;
  // These come from adapters of this package alone.
  conflate?: string | undefined;
  ifSlow?: SlowPolicy | undefined;
  /** The packets and frames that all receivers share: `encoded` is in there as well. */
  readonly prepared?: PreparedMessage;
  /** Frames made by adapters for another engine. Ignored. */
  wsPreEncodedFrame?: unknown;
}

/** Whether a packet was encoded by whoever sends it. */
export function isEncoded(
  _packet: Packet | readonly RawData[],
  options: WriteOptions | undefined,
): _packet is readonly RawData[] {
  return options !== undefined && !!options.preEncoded;
}

/** A client, seen from an adapter. */
export interface AdapterClient {
  /** The session. Missing where an adapter is used without a server. */
  readonly conn?: { readonly protocol: number };
  /** Writes packets that are encoded already. `encoded` may be shared between clients, and is when it is the same array. */
  writeToEngine(encoded: readonly RawData[], options: WriteOptions): void;
}

/** A socket, seen from an adapter. */
export interface AdapterSocket {
  readonly id: SocketId;
  readonly client: AdapterClient;
  readonly acks: Map<number, (...args: unknown[]) => void>;
  /** The number of the last large broadcast that it has got, or was not meant by. */
  [kBroadcastsGot]?: number;
  join(rooms: Room | Room[]): unknown;
  leave(room: Room): unknown;
  disconnect(close?: boolean): unknown;
  /** Nobody waits for this acknowledgement any more. */
  [kDropAck]?(id: number): void;
  /** It waits for as many acknowledgements as it may: the oldest one is given up. */
  [kDropOldestAck]?(limit: number): void;
  notifyOutgoingListeners?(packet: { data: unknown[] }): void;
}

/** A namespace, seen from an adapter. */
export interface AdapterNamespace {
  readonly name: string;
  readonly sockets: ReadonlyMap<SocketId, AdapterSocket>;
  /** The id of the next packet that asks for an acknowledgement: one counter for all sockets of a namespace. */
  _ids: number;
  readonly server: {
    readonly encoder: { encode(packet: AdapterPacket): readonly RawData[] };
    // What follows is missing where an adapter is used without a server.
    readonly opts?: RecoverySettings;
    readonly [kEngineClock]?: Clock;
    readonly [kClusterKeys]?: ClusterKeys | undefined;
    readonly [kLimits]?: { readonly maxPendingAcks: number };
    readonly [kTally]?: { onDropped(limit: string): void };
  };
  _onServerSideEmit(args: [string, ...unknown[]]): void;
}

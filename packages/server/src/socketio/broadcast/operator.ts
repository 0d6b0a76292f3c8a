/*
 * Broadcasts: receivers, flags, collected acknowledgements, and sockets of other servers.
 * Knows: adapters by their contract, acknowledgements.
 * Must not know: how an adapter reaches the sockets.
 */
import { kEngineClock } from "../../engine/index.ts";
import { kCollectAnswers, kDropAck, kTally } from "../keys.ts";
import { PacketType, RESERVED_EVENTS } from "@portage/parser/socket";
import { AckCollector, type AckCallback, type AckTally, promiseResponses } from "../events/acks.ts";
import type {
  Adapter,
  BroadcastFlags,
  BroadcastOptions,
  CollectingAdapter,
  OnCollected,
  Room,
  SocketId,
} from "../adapter/adapter.ts";
import type { AdapterPacket } from "../adapter/surface.ts";
import { type Clock, serverClock } from "../../base/clock.ts";
import { AckTimeoutError, ReservedEventError } from "../report/errors.ts";
import { callProgram } from "../../base/guarded.ts";
import { failHandler, watchAdapter } from "../events/listener-errors.ts";
import {
  type BroadcastFlagMembers,
  defineFlags,
  type FlagName,
  type FlagValue,
  type kNext,
  type kTimed,
  setFlag,
} from "./flags.ts";
import type { Handshake } from "../socket/handshake.ts";
import {
  type AllButLast,
  callUntyped,
  type DecorateAcknowledgements,
  type EventNames,
  type EventNamesWithError,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type TypedEventBroadcaster,
} from "../events/typed-events.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kEmitAndCollect = Symbol("emitAndCollect");
const kBroadcastOptions = Symbol("broadcastOptions");
const kNamespaceOf = Symbol("namespaceOf");
const kForget = Symbol("forget");
const kAnswer = Symbol("answer");
const kCountTimeout = Symbol("countTimeout");
const kOperator = Symbol("operator");

/** The time to acknowledge a broadcast without `timeout()`, in milliseconds; practically none, as in socket.io. */
const NO_TIME_TO_ANSWER = 1;

/** The members of a namespace that a broadcast needs. A parent namespace has no sockets of its own. */
interface BroadcastNamespace {
  readonly server?: { readonly [kEngineClock]?: Clock; readonly [kTally]?: AckTally };
  readonly sockets?: ReadonlyMap<SocketId, { [kDropAck]?(id: number): void }>;
}

const plus = (rooms: ReadonlySet<Room>, more: Room | Room[]): Set<Room> => {
  const union = new Set(rooms);
  if (Array.isArray(more)) for (const room of more) union.add(room);
  else union.add(more);
  return union;
};

/**
 * Addresses all sockets of a namespace, or the members of some rooms, except the members of others. Each method returns a
 * new operator, so you can store one and refine it.
 *
 * @example
 * io.to("news").emit("headline", "Rain");
 *
 * const audible = io.to(["red", "blue"]).except("muted");
 * audible.emit("goal", 1);
 * audible.compress(false).emit("picture", bytes);
 */
export class BroadcastOperator<EmitEvents extends EventsMap, SocketData> implements TypedEventBroadcaster<EmitEvents> {
  /** The adapter that delivers the broadcast. */
  readonly adapter: Adapter;
  /** The addressed rooms; all sockets, when empty. */
  readonly rooms: Set<Room>;
  /** The rooms that are left out. */
  readonly exceptRooms: Set<Room>;
  /** The flags set so far. */
  readonly flags: BroadcastFlags;

  /** @param rooms the addressed rooms; all sockets, when empty */
  constructor(
    adapter: Adapter,
    rooms: Set<Room> = new Set(),
    except: Set<Room> = new Set(),
    flags: BroadcastFlags = {},
  ) {
    this.adapter = adapter;
    this.rooms = rooms;
    this.exceptRooms = except;
    this.flags = flags;
  }

  /**
   * Adds the members of one or more rooms to the receivers. A socket in several of the rooms is addressed once.
   *
   * @example
   * io.to("room1").to(["room2", "room3"]).emit("hello");
   */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter, plus(this.rooms, room), this.exceptRooms, this.flags);
  }

  /** Does the same as {@link to}; reads better in `io.in("room1").disconnectSockets()`. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return this.to(room);
  }

  /**
   * Leaves out the members of one or more rooms.
   *
   * @example
   * io.except("room1").emit("hello");
   */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter, this.rooms, plus(this.exceptRooms, room), this.flags);
  }

  /**
   * Sends an event to all receivers. A callback as last argument gets `(err, responses)`: an AckTimeoutError or null, and the
   * first value of each acknowledgement. Set the time with {@link timeout}; without it, clients have 1 ms.
   *
   * @returns true
   * @throws ReservedEventError for a name that the library emits itself
   * @example
   * io.to("room1").timeout(1000).emit("who is there", (err, names) => console.log(err ? "some are missing" : "all", names));
   */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
  emit(...data: unknown[]): boolean {
    if (RESERVED_EVENTS.has(data[0])) throw new ReservedEventError(data[0] as string);
    if (data.length === 0) data.push(undefined);
    const packet: AdapterPacket = { type: PacketType.EVENT, data };
    if (typeof data[data.length - 1] === "function") this[kEmitAndCollect](packet, data.pop() as AckCallback);
    else watchAdapter(this.adapter.broadcast(packet, this[kBroadcastOptions]()), this.adapter.nsp);
    return true;
  }

  /**
   * Sends an event, and resolves with all acknowledgements. Set the time with {@link timeout}.
   *
   * @returns an array of responses; a single response for a {@link RemoteSocket}
   * @throws (rejects) AckTimeoutError, with the answers that arrived in time in `responses`
   * @example
   * const names = await io.to("room1").timeout(1000).emitWithAck("who is there");
   */
  emitWithAck<Ev extends EventNamesWithError<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>>;
  emitWithAck(...data: unknown[]): Promise<unknown> {
    return promiseResponses((ack) => {
      data.push(ack);
      callUntyped(this, "emit", data);
    });
  }

  private [kEmitAndCollect](packet: AdapterPacket, ack: AckCallback): void {
    const { clock, timeout, expectSingleResponse } = {
      ...this.flags,
      clock: this[kNamespaceOf]()?.server?.[kEngineClock],
    };
    const onCollected: OnCollected = (error, responses) => {
      if (error !== null) this[kForget](packet.id);
      if (error instanceof AckTimeoutError) this[kCountTimeout]();
      const single = error === null ? responses[0] : null;
      this[kAnswer](ack, [error, expectSingleResponse ? single : responses]);
    };
    const ms = timeout ?? NO_TIME_TO_ANSWER;
    const { adapter } = this;
    if (isCollecting(adapter)) return adapter[kCollectAnswers](packet, this[kBroadcastOptions](), ms, onCollected);
    const collector = new AckCollector(clock ?? serverClock, ms, onCollected);
    this.adapter.broadcastWithAck(
      packet,
      this[kBroadcastOptions](),
      // Asking very many clients may take longer than the time limit; the late ones must forget the id as well.
      (clients) => (collector.isOver ? this[kForget](packet.id) : collector.addClientCount(clients)),
      (response: unknown) => collector.addResponse(response),
    );
    this.adapter.serverCount().then(
      (servers) => collector.setServerCount(servers),
      () => undefined, // the number stays unknown, and the time limit ends it
    );
  }

  /** Calls the program's callback, and reports what it throws instead of throwing into a timer or an adapter. */
  private [kAnswer](ack: AckCallback, args: unknown[]): void {
    const { nsp } = this.adapter;
    callProgram(
      ack,
      args,
      (error, how) => failHandler(nsp, error, { handler: "acknowledgement", how, namespace: nsp }),
      this,
    );
  }

  /** The server of another package that uses our adapter may lack the counters. */
  private [kCountTimeout](): void {
    const tally = this[kNamespaceOf]()?.server?.[kTally];
    if (tally) tally.ackTimeouts += 1;
  }

  /** Drops the acknowledgements that are still pending after the time limit. */
  private [kForget](id: number | undefined): void {
    if (id === undefined) return;
    for (const socket of this[kNamespaceOf]()?.sockets?.values() ?? []) socket[kDropAck]?.(id);
  }

  private [kNamespaceOf](): BroadcastNamespace | undefined {
    return this.adapter.nsp;
  }

  private [kBroadcastOptions](): BroadcastOptions {
    return { rooms: this.rooms, except: this.exceptRooms, flags: this.flags };
  }

  /**
   * Returns the ids of the receivers.
   *
   * @deprecated in Socket.IO: use {@link fetchSockets}, or `serverSideEmit`
   */
  allSockets(): Promise<Set<SocketId>> {
    return this.adapter.sockets(this.rooms);
  }

  /**
   * Returns the receivers, including those on other servers.
   *
   * @throws (rejects) SocketIoError `CLUSTER_TIMEOUT` when a server does not answer in time
   *
   * @example
   * const sockets = await io.in("room1").fetchSockets();
   * for (const socket of sockets) console.log(socket.id, socket.data);
   */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const found: Fetched<EmitEvents, SocketData>[] = await this.adapter.fetchSockets(this[kBroadcastOptions]());
    return found.map((socket) => {
      if (isLocal(socket)) return socket;
      const only = new Set([socket.id]);
      return new RemoteSocket(
        new BroadcastOperator<EmitEvents, SocketData>(this.adapter, only, new Set(), { expectSingleResponse: true }),
        socket,
      );
    });
  }

  /**
   * Makes the receivers join one or more rooms.
   *
   * @example
   * io.in("room1").socketsJoin(["room2", "room3"]);
   */
  socketsJoin(room: Room | Room[]): void {
    watchAdapter(
      this.adapter.addSockets(this[kBroadcastOptions](), Array.isArray(room) ? room : [room]),
      this.adapter.nsp,
    );
  }

  /** Makes the receivers leave one or more rooms. */
  socketsLeave(room: Room | Room[]): void {
    watchAdapter(
      this.adapter.delSockets(this[kBroadcastOptions](), Array.isArray(room) ? room : [room]),
      this.adapter.nsp,
    );
  }

  /**
   * Disconnects the receivers.
   *
   * @param close whether to close their connections, which ends their sockets in all namespaces (default: false)
   */
  disconnectSockets(close = false): void {
    watchAdapter(this.adapter.disconnectSockets(this[kBroadcastOptions](), close), this.adapter.nsp);
  }
}

function isCollecting(adapter: Adapter): adapter is Adapter & CollectingAdapter {
  return kCollectAnswers in adapter;
}

/** What {@link defineFlags} gives the class. */
export interface BroadcastOperator<EmitEvents extends EventsMap, SocketData> extends BroadcastFlagMembers {
  readonly [kNext]: BroadcastOperator<EmitEvents, SocketData>;
  readonly [kTimed]: BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData>;
}

/** Returns an operator with one more flag. */
export function withFlag<EmitEvents extends EventsMap, SocketData>(
  { adapter, rooms, exceptRooms, flags }: BroadcastOperator<EmitEvents, SocketData>,
  name: FlagName,
  value: FlagValue,
): BroadcastOperator<EmitEvents, SocketData> {
  const all: BroadcastFlags = { ...flags };
  setFlag(all, name, value);
  return new BroadcastOperator(adapter, rooms, exceptRooms, all);
}

defineFlags(BroadcastOperator.prototype, "broadcasts", withFlag);

/** What adapters return: local sockets as they are, which can do what a remote one can, and the details of remote ones. */
type Fetched<EmitEvents extends EventsMap, SocketData> =
  | (RemoteSocket<EmitEvents, SocketData> & { readonly server: unknown })
  | (SocketDetails<SocketData> & { readonly server?: undefined });

const isLocal = <EmitEvents extends EventsMap, SocketData>(
  socket: Fetched<EmitEvents, SocketData>,
): socket is RemoteSocket<EmitEvents, SocketData> & { readonly server: unknown } => socket.server !== undefined;

/** The details of a socket that adapters send to other servers. */
export interface SocketDetails<SocketData> {
  id: SocketId;
  handshake: Handshake;
  rooms: Room[];
  data: SocketData;
}

/**
 * A socket that may live on another server, as `fetchSockets()` returns it.
 *
 * @example
 * for (const socket of await io.fetchSockets()) {
 *   console.log(socket.id, socket.handshake.address, [...socket.rooms]);
 *   if (socket.data.blocked) socket.disconnect(true);
 * }
 */
export class RemoteSocket<EmitEvents extends EventsMap, SocketData> implements TypedEventBroadcaster<EmitEvents> {
  /** Id of the socket. */
  readonly id: SocketId;
  /** The handshake of its client. */
  readonly handshake: Handshake;
  /** The rooms it was in at the time of `fetchSockets()`. */
  readonly rooms: Set<Room>;
  /** The data of the socket; a copy if it lives on another server. */
  readonly data: SocketData;
  private readonly [kOperator]: BroadcastOperator<EmitEvents, SocketData>;

  /** @param operator addresses this socket alone */
  constructor(operator: BroadcastOperator<EmitEvents, SocketData>, details: SocketDetails<SocketData>) {
    this.id = details.id;
    this.handshake = details.handshake;
    this.rooms = new Set(details.rooms);
    this.data = details.data;
    this[kOperator] = operator;
  }

  /**
   * Gives the client `timeout` milliseconds to acknowledge the next event.
   *
   * @example
   * const answer = await socket.timeout(1000).emitWithAck("are you there");
   */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this[kOperator].timeout(timeout);
  }

  /** Sends an event to this socket, and returns true. */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    return this[kOperator].emit(ev, ...args);
  }

  /** Makes the socket join one or more rooms. */
  join(room: Room | Room[]): void {
    this[kOperator].socketsJoin(room);
  }

  /** Makes the socket leave a room. */
  leave(room: Room): void {
    this[kOperator].socketsLeave(room);
  }

  /** Disconnects the socket; with `close` (default: false), its connection and so its sockets in all namespaces. */
  disconnect(close = false): this {
    this[kOperator].disconnectSockets(close);
    return this;
  }
}

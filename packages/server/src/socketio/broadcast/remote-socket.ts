import type { Room, SocketId } from "../adapter/adapter.ts";
import type { BroadcastOperator } from "./operator.ts";
import type { Handshake } from "../socket/handshake.ts";
import type {
  DecorateAcknowledgements,
  EventNames,
  EventParams,
  EventsMap,
  TypedEventBroadcaster,
} from "../events/typed-events.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kOperator = Symbol("operator");

/** What an adapter knows about a socket of another server. */
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
  readonly id: SocketId;
  readonly handshake: Handshake;
  /** The rooms it was in when it was fetched. */
  readonly rooms: Set<Room>;
  /** A copy of its data, when it lives on another server. */
  readonly data: SocketData;
  private readonly [kOperator]: BroadcastOperator<EmitEvents, SocketData>;

  /** @param operator addresses this one socket */
  constructor(operator: BroadcastOperator<EmitEvents, SocketData>, details: SocketDetails<SocketData>) {
    this.id = details.id;
    this.handshake = details.handshake;
    this.rooms = new Set(details.rooms);
    this.data = details.data;
    this[kOperator] = operator;
  }

  /**
   * Gives the acknowledgement of the next event a time limit, in milliseconds.
   *
   * @example
   * const answer = await socket.timeout(1000).emitWithAck("are you there");
   */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this[kOperator].timeout(timeout);
  }

  /** Sends an event to this socket. Always returns true. */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    return this[kOperator].emit(ev, ...args);
  }

  /** Lets it join one or more rooms. */
  join(room: Room | Room[]): void {
    this[kOperator].socketsJoin(room);
  }

  /** Lets it leave a room. */
  leave(room: Room): void {
    this[kOperator].socketsLeave(room);
  }

  /** Disconnects it; with `close`, its connection with all namespaces. */
  disconnect(close = false): this {
    this[kOperator].disconnectSockets(close);
    return this;
  }
}

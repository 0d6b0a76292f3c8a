import type { Room, SocketId } from "../adapter/adapter.ts";
import { type BroadcastFlagMembers, defineFlags, type kNext, type kTimed } from "./flags.ts";
import { type BroadcastOperator, type RemoteSocket, withFlag } from "./operator.ts";
import {
  type AllButLast,
  callUntyped,
  type DecorateAcknowledgements,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type RemoveAcknowledgements,
  StrictEventEmitter,
} from "../events/typed-events.ts";
import { promiseResponses } from "../events/acks.ts";
import { kEverybody } from "../keys.ts";

type Operator<EmitEvents extends EventsMap, SocketData> = BroadcastOperator<
  DecorateAcknowledgementsWithMultipleResponses<EmitEvents>,
  SocketData
>;

/** The methods that address many sockets, shared by namespaces and the server (for the main namespace). */
export abstract class BroadcastTarget<
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  ReservedEvents extends EventsMap,
  SocketData,
> extends StrictEventEmitter<ServerSideEvents, RemoveAcknowledgements<EmitEvents>, ReservedEvents> {
  /** Returns an operator that addresses all sockets. */
  protected abstract [kEverybody](): Operator<EmitEvents, SocketData>;

  /**
   * Addresses the members of one or more rooms.
   *
   * @example
   * io.to("room1").emit("hello");
   * io.to(["room1", "room2"]).except("room3").emit("hello");
   */
  to(room: Room | Room[]): Operator<EmitEvents, SocketData> {
    return this[kEverybody]().to(room);
  }

  /**
   * Does the same as {@link to}.
   *
   * @example
   * io.in("room1").disconnectSockets();
   */
  in(room: Room | Room[]): Operator<EmitEvents, SocketData> {
    return this[kEverybody]().to(room);
  }

  /**
   * Addresses all sockets except the members of one or more rooms.
   *
   * @example
   * io.except("room1").emit("hello");
   */
  except(room: Room | Room[]): Operator<EmitEvents, SocketData> {
    return this[kEverybody]().except(room);
  }

  /** Sends the event `message` to all sockets. */
  send(...args: EventParams<EmitEvents, "message">): this {
    callUntyped(this, "emit", ["message", ...args]);
    return this;
  }

  /** Does the same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /**
   * Sends an event to the other servers of the cluster. A callback as last argument gets an error or null, and their answers;
   * after 5 seconds the error is `CLUSTER_TIMEOUT`.
   *
   * @returns true
   * @throws ReservedEventError for a name that the library emits itself
   * @example
   * io.serverSideEmit("reload", (err, answers) => console.log(err ?? answers));
   * io.on("reload", (done) => done("reloaded"));
   */
  abstract serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>
  ): boolean;

  /**
   * Sends an event to the other servers of the cluster, and resolves with their answers.
   *
   * @throws (rejects) after 5 seconds, with an error that has the received answers in `responses`
   * @example
   * const answers = await io.serverSideEmitWithAck("reload");
   */
  serverSideEmitWithAck<Ev extends EventNamesWithAck<ServerSideEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<ServerSideEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[]>;
  serverSideEmitWithAck(...data: unknown[]): Promise<unknown> {
    return promiseResponses((ack) => {
      data.push(ack);
      callUntyped(this, "serverSideEmit", data);
    });
  }

  /**
   * Returns the ids of all sockets.
   *
   * @deprecated in Socket.IO: use {@link fetchSockets}, or {@link serverSideEmit}
   */
  allSockets(): Promise<Set<SocketId>> {
    return this[kEverybody]().allSockets();
  }

  /**
   * Returns all sockets, including those on other servers.
   *
   * @throws (rejects) SocketIoError `CLUSTER_TIMEOUT` when a server does not answer in time
   *
   * @example
   * for (const socket of await io.fetchSockets()) console.log(socket.id, socket.data);
   */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this[kEverybody]().fetchSockets();
  }

  /** Makes all sockets join one or more rooms. */
  socketsJoin(room: Room | Room[]): void {
    this[kEverybody]().socketsJoin(room);
  }

  /** Makes all sockets leave one or more rooms. */
  socketsLeave(room: Room | Room[]): void {
    this[kEverybody]().socketsLeave(room);
  }

  /**
   * Disconnects all sockets.
   *
   * @param close whether to close their connections, which ends their sockets in all namespaces (default: false)
   */
  disconnectSockets(close = false): void {
    this[kEverybody]().disconnectSockets(close);
  }
}

/** The members that {@link defineFlags} adds. TypeScript requires the type parameters of the class here. */
export interface BroadcastTarget<
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  ReservedEvents extends EventsMap,
  SocketData,
> extends BroadcastFlagMembers {
  readonly [kNext]: Operator<EmitEvents, SocketData>;
  readonly [kTimed]: BroadcastOperator<
    DecorateAcknowledgements<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>>,
    SocketData
  >;
}

defineFlags(BroadcastTarget.prototype, "broadcasts", (target, name, value) =>
  withFlag(target[kEverybody](), name, value),
);

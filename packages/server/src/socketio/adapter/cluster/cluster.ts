import { kEngineClock } from "../../../engine/index.ts";
import { kClusterKeys, kDropAck, kGuardsItself, kNamespace } from "../../keys.ts";
import { randomBytes } from "node:crypto";
import { PacketType } from "@portage/parser/socket";
import { type Clock, serverClock } from "../../../base/clock.ts";
import { createLog } from "../../../base/log.ts";
import type { AckCallback } from "../../events/acks.ts";
import { SocketIoError } from "../../report/errors.ts";
import { failAdapter } from "../../events/listener-errors.ts";
import type { Adapter, BroadcastOptions, Room } from "../adapter.ts";
import {
  type ClusterMessage,
  type ClusterMessageBody,
  type ClusterResponse,
  type ClusterResponseBody,
  decodeOptions,
  describeSocket,
  encodeOptions,
  MessageType,
  type Offset,
  type ServerId,
} from "./messages.ts";
import { ClusterAcks } from "./acks.ts";
import { BusGuard } from "./guard.ts";
import type { ClusterKeys } from "./keys.ts";
import { type Asked, ClusterRequests, isEmpty } from "./requests.ts";
import { faultOf } from "./schema.ts";
import { InMemoryAdapter } from "../in-memory.ts";
import type { AdapterNamespace, AdapterPacket, AdapterSocket } from "../surface.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kGuard = Symbol("guard");
const kRequests = Symbol("requests");
const kClusterAcks = Symbol("clusterAcks");
const kGuardWith = Symbol("guardWith");
const kIsSound = Symbol("isSound");
const kTry = Symbol("try");
const kHandleMessage = Symbol("handle");
const kOnBroadcast = Symbol("onBroadcast");
const kOnFetchSockets = Symbol("onFetchSockets");
const kOnServerSideEmit = Symbol("onServerSideEmit");
const kDeliverWithOffset = Symbol("deliverWithOffset");
const kForgetAcksOf = Symbol("forgetAcksOf");
const kHandleResponse = Symbol("handleResponse");
const kRespond = Symbol("respond");
const kTryToPublish = Symbol("tryToPublish");
const kCanRecover = Symbol("canRecover");
const kBroadcastWithOffset = Symbol("broadcastWithOffset");

const log = createLog("socket.io:cluster");

/** Time that other servers have to answer without `timeout()`, in milliseconds. */
const TIME_TO_ANSWER = 5000;

function logFailure(error: unknown): void {
  log("the bus did not take a message: %s", error);
}

const newId = (): string => randomBytes(8).toString("hex");

/**
 * An adapter for several servers that exchange messages over a bus. A subclass connects the bus: it sends messages in
 * {@link doPublish} and {@link doPublishResponse}, and passes received ones to {@link onMessage} and {@link onResponse}.
 *
 * @example
 * class BusAdapter extends ClusterAdapter {
 *   constructor(nsp) {
 *     super(nsp);
 *     bus.on("message", (message) => this.onMessage(message));
 *     bus.on(this.uid, (response) => this.onResponse(response));
 *   }
 *   async doPublish(message) {
 *     bus.send("message", message);
 *     return "";
 *   }
 *   async doPublishResponse(uid, response) {
 *     bus.send(uid, response);
 *   }
 * }
 */
export abstract class ClusterAdapter extends InMemoryAdapter {
  /** The id of this server, new for each process and namespace. */
  protected readonly uid: ServerId = newId();
  private readonly [kEngineClock]: Clock;
  private readonly [kGuard]: BusGuard | undefined;
  private readonly [kRequests]: ClusterRequests;
  private readonly [kClusterAcks]: ClusterAcks;
  /** @internal */
  readonly [kGuardsItself] = true;

  protected constructor(nsp: unknown) {
    super(nsp);
    const { server }: Partial<AdapterNamespace> = this[kNamespace];
    this[kEngineClock] = server?.[kEngineClock] ?? serverClock;
    this[kGuard] = server?.[kClusterKeys] && this[kGuardWith](server[kClusterKeys]);
    this[kRequests] = new ClusterRequests(this[kEngineClock]);
    this[kClusterAcks] = new ClusterAcks(this[kEngineClock]);
  }

  private [kGuardWith](keys: ClusterKeys): BusGuard {
    const onRefused = (error: unknown): void => this.reportFailure(error);
    return new BusGuard({ keys, uid: this.uid, nsp: this[kNamespace].name, onRefused });
  }

  /** Sends a message to all other servers. Resolves with its position on the bus, or "" when the bus has none. */
  protected abstract doPublish(message: ClusterMessage): Promise<Offset>;

  /** Sends a response to one server. */
  protected abstract doPublishResponse(requesterUid: ServerId, response: ClusterResponse): Promise<void>;

  // ---- from the bus ------------------------------------------------------------------------------------------------

  /**
   * Handles a message from the bus. Ignores messages of this server. A message that is malformed, lacks a signature required
   * by the option `clusterSecret`, or fails is reported to `handler_error` listeners.
   */
  protected onMessage(message: ClusterMessage, offset?: Offset): void {
    const genuine = this[kGuard] === undefined ? message : this[kGuard].open(message);
    if (genuine !== undefined) this.handleMessage(genuine, offset);
  }

  /** Handles a message after its signature, if required, has been verified. */
  protected handleMessage(message: ClusterMessage, offset?: Offset): void {
    if (this[kIsSound](message) && message.uid !== this.uid) this[kTry](() => this[kHandleMessage](message, offset));
  }

  private [kIsSound](message: unknown): boolean {
    const fault = faultOf(message);
    if (fault === undefined) return true;
    this.reportFailure(new SocketIoError("CLUSTER_MESSAGE_INVALID", `a message from the bus is ignored: ${fault}`));
    return false;
  }

  /** Reports an error instead of throwing it into the code that reads the bus. */
  private [kTry](follow: () => void): void {
    try {
      follow();
    } catch (error) {
      this.reportFailure(error);
    }
  }

  /** Reports an error to `handler_error` listeners of the server. */
  protected reportFailure(error: unknown): void {
    failAdapter(error, this[kNamespace], "thrown");
  }

  private [kHandleMessage](message: ClusterMessage, offset: Offset | undefined): void {
    switch (message.type) {
      case MessageType.BROADCAST:
        return this[kOnBroadcast](message, offset);
      case MessageType.SOCKETS_JOIN:
        return super.addSockets(decodeOptions(message.data.opts), message.data.rooms);
      case MessageType.SOCKETS_LEAVE:
        return super.delSockets(decodeOptions(message.data.opts), message.data.rooms);
      case MessageType.DISCONNECT_SOCKETS:
        return super.disconnectSockets(decodeOptions(message.data.opts), message.data.close ?? false);
      case MessageType.FETCH_SOCKETS:
        return this[kOnFetchSockets](message);
      case MessageType.SERVER_SIDE_EMIT:
        return this[kOnServerSideEmit](message);
      case MessageType.INITIAL_HEARTBEAT:
      case MessageType.HEARTBEAT:
      case MessageType.ADAPTER_CLOSE:
        return undefined;
      default:
        // A bus with one channel brings responses the same way.
        return this.onResponse(message);
    }
  }

  private [kOnBroadcast](message: ClusterMessage & { type: MessageType.BROADCAST }, offset: Offset | undefined): void {
    const { opts, requestId } = message.data;
    const packet = message.data.packet as AdapterPacket;
    const options = decodeOptions(opts);
    if (requestId === undefined) return this[kDeliverWithOffset](packet, options, offset);
    super.broadcastWithAck(
      packet,
      options,
      (clientCount) =>
        this.publishResponse(message.uid, {
          type: MessageType.BROADCAST_CLIENT_COUNT,
          data: { requestId, clientCount },
        }),
      (answer: unknown) =>
        this.publishResponse(message.uid, { type: MessageType.BROADCAST_ACK, data: { requestId, packet: answer } }),
    );
    this[kForgetAcksOf](packet, options);
  }

  /** Drops the acknowledgements when the asking server has stopped waiting for them. */
  private [kForgetAcksOf]({ id }: AdapterPacket, opts: BroadcastOptions): void {
    if (id === undefined) return;
    this[kEngineClock].after(opts.flags?.timeout ?? TIME_TO_ANSWER, async () => {
      for (const socket of (await super.fetchSockets(opts)) as AdapterSocket[]) socket[kDropAck]?.(id);
    });
  }

  private [kOnFetchSockets](message: ClusterMessage & { type: MessageType.FETCH_SOCKETS }): void {
    const { requestId, opts } = message.data;
    super
      .fetchSockets(decodeOptions(opts))
      .then((sockets) =>
        this.publishResponse(message.uid, {
          type: MessageType.FETCH_SOCKETS_RESPONSE,
          data: { requestId, sockets: sockets.map(describeSocket) },
        }),
      )
      .catch((error: unknown) => this.reportFailure(error));
  }

  private [kOnServerSideEmit](message: ClusterMessage & { type: MessageType.SERVER_SIDE_EMIT }): void {
    const { packet, requestId } = message.data;
    const event = packet as [string, ...unknown[]];
    const nsp = this[kNamespace];
    if (requestId === undefined) return nsp._onServerSideEmit(event);
    let answered = false;
    const answer = (value: unknown): void => {
      if (answered) return;
      answered = true;
      const data = { requestId, packet: value };
      this.publishResponse(message.uid, { type: MessageType.SERVER_SIDE_EMIT_RESPONSE, data });
    };
    nsp._onServerSideEmit([...event, answer]);
  }

  /** Handles a response to a request of this server. */
  protected onResponse(response: ClusterResponse): void {
    const genuine = this[kGuard] === undefined ? response : this[kGuard].open(response);
    if (genuine !== undefined && this[kIsSound](genuine)) this[kTry](() => this[kHandleResponse](genuine));
  }

  private [kHandleResponse](response: ClusterResponse): void {
    const { type, data } = response;
    if (type === MessageType.BROADCAST_CLIENT_COUNT) {
      this[kClusterAcks].addClientCount(data.requestId, data.clientCount);
    } else if (type === MessageType.BROADCAST_ACK) {
      this[kClusterAcks].addAnswer(data.requestId, data.packet);
    } else if (type === MessageType.FETCH_SOCKETS_RESPONSE) {
      this[kRequests].answer(data.requestId, response.uid, data.sockets);
    } else if (type === MessageType.SERVER_SIDE_EMIT_RESPONSE) {
      this[kRequests].answer(data.requestId, response.uid, [data.packet]);
    }
  }

  // ---- to the bus --------------------------------------------------------------------------------------------------

  /** Sends a message to all other servers. Failures are only logged, since no caller waits for them. */
  protected publish(message: ClusterMessageBody): void {
    this.publishAndReturnOffset(message).catch(logFailure);
  }

  /** Sends a message to all other servers, signed if the cluster has a secret. Resolves with its position on the bus. */
  protected async publishAndReturnOffset(message: ClusterMessageBody): Promise<Offset> {
    const complete = { ...message, uid: this.uid, nsp: this[kNamespace].name };
    return this.doPublish(this[kGuard]?.seal(complete) ?? complete);
  }

  /** Sends a response to the server that asked. */
  protected publishResponse(requesterUid: ServerId, response: ClusterResponseBody): void {
    const complete = { ...response, uid: this.uid, nsp: this[kNamespace].name };
    this[kRespond](requesterUid, complete).catch(logFailure);
  }

  private async [kRespond](requesterUid: ServerId, response: ClusterResponse): Promise<void> {
    await this.doPublishResponse(requesterUid, this[kGuard]?.seal(response) ?? response);
  }

  private async [kTryToPublish](message: ClusterMessageBody): Promise<void> {
    await this.publishAndReturnOffset(message).catch(logFailure);
  }

  // ---- broadcasts --------------------------------------------------------------------------------------------------

  /** Sends a packet to the receivers on all servers. When the bus fails, clients of this server still get it. */
  override broadcast(packet: AdapterPacket, opts: BroadcastOptions): Promise<void> {
    if (opts.flags?.local) return Promise.resolve(super.broadcast(packet, opts));
    // A copy, since delivery changes the packet and the bus may encode it later.
    const { type, data, id } = packet;
    const copy: AdapterPacket = id === undefined ? { type, data: data.slice() } : { type, data: data.slice(), id };
    const message = { type: MessageType.BROADCAST, data: { packet: copy as unknown, opts: encodeOptions(opts) } };
    if (this[kCanRecover]) return this[kBroadcastWithOffset](message, packet, opts);
    super.broadcast(packet, opts);
    return this[kTryToPublish](message);
  }

  /** Publishes first: the bus issues the offset that the clients of this server get as well. */
  private async [kBroadcastWithOffset](
    message: ClusterMessageBody,
    packet: AdapterPacket,
    opts: BroadcastOptions,
  ): Promise<void> {
    let offset: Offset | undefined;
    try {
      offset = await this.publishAndReturnOffset(message);
    } catch (error) {
      logFailure(error);
    }
    this[kDeliverWithOffset](packet, opts, offset);
  }

  private get [kCanRecover](): boolean {
    return !!this[kNamespace].server.opts?.connectionStateRecovery;
  }

  /** Sends a packet to the clients of this server, with its offset if the packet is recoverable. */
  private [kDeliverWithOffset](packet: AdapterPacket, opts: BroadcastOptions, offset: Offset | undefined): void {
    const isKept = packet.type === PacketType.EVENT && packet.id === undefined && !opts.flags?.volatile;
    if (!offset || !isKept || !this[kCanRecover]) return super.broadcast(packet, opts);
    const withOffset = { ...packet, data: [...packet.data, offset] };
    this.deliverLocally(withOffset, packet, opts);
  }

  /** Sends a packet that asks for acknowledgements. Answers of other servers arrive at {@link onResponse}. */
  override broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: AckCallback,
  ): void {
    if (!opts.flags?.local) {
      const requestId = newId();
      this[kClusterAcks].add(requestId, { onClientCount: clientCountCallback, onAck: ack }, opts.flags?.timeout ?? 1);
      const { type, data } = packet;
      this.publish({
        type: MessageType.BROADCAST,
        data: { packet: { type, data }, requestId, opts: encodeOptions(opts) },
      });
    }
    super.broadcastWithAck(packet, opts, clientCountCallback, ack);
  }

  // ---- sockets -----------------------------------------------------------------------------------------------------

  override addSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> {
    super.addSockets(opts, rooms);
    if (opts.flags?.local) return Promise.resolve();
    return this[kTryToPublish]({ type: MessageType.SOCKETS_JOIN, data: { opts: encodeOptions(opts), rooms } });
  }

  override delSockets(opts: BroadcastOptions, rooms: Room[]): Promise<void> {
    super.delSockets(opts, rooms);
    if (opts.flags?.local) return Promise.resolve();
    return this[kTryToPublish]({ type: MessageType.SOCKETS_LEAVE, data: { opts: encodeOptions(opts), rooms } });
  }

  override disconnectSockets(opts: BroadcastOptions, close: boolean): Promise<void> {
    super.disconnectSockets(opts, close);
    if (opts.flags?.local) return Promise.resolve();
    return this[kTryToPublish]({ type: MessageType.DISCONNECT_SOCKETS, data: { opts: encodeOptions(opts), close } });
  }

  /**
   * Returns the matching sockets: sockets of this server as objects, the others as details.
   *
   * @throws (rejects) SocketIoError `CLUSTER_TIMEOUT` when a server does not answer in time
   */
  override async fetchSockets(opts: BroadcastOptions): ReturnType<Adapter["fetchSockets"]> {
    const sockets = await super.fetchSockets(opts);
    const asked = opts.flags?.local ? 0 : await this.othersToAsk();
    if (isEmpty(asked)) return sockets;
    const requestId = newId();
    return new Promise((resolve, reject) => {
      const onEnd = (error: Error | null, all: unknown[]): void => (error === null ? resolve(all) : reject(error));
      this[kRequests].add(requestId, { asked, answers: sockets, onEnd }, opts.flags?.timeout || TIME_TO_ANSWER);
      this.publish({ type: MessageType.FETCH_SOCKETS, data: { opts: encodeOptions(opts), requestId } });
    });
  }

  // ---- servers -----------------------------------------------------------------------------------------------------

  /** Sends an event to the other servers. A function as last element gets an error or null, and their answers. */
  override async serverSideEmit(packet: unknown[]): Promise<void> {
    if (typeof packet.at(-1) !== "function") {
      return this.publish({ type: MessageType.SERVER_SIDE_EMIT, data: { packet } });
    }
    const onEnd = packet.at(-1) as (error: Error | null, answers: unknown[]) => void;
    const event = packet.slice(0, -1);
    const asked = await this.othersToAsk();
    if (isEmpty(asked)) return onEnd(null, []);
    const requestId = newId();
    this[kRequests].add(requestId, { asked, answers: [], onEnd }, TIME_TO_ANSWER);
    this.publish({ type: MessageType.SERVER_SIDE_EMIT, data: { requestId, packet: event } });
  }

  /** Returns the servers that have to answer a request. */
  protected async othersToAsk(): Promise<Asked> {
    return (await this.serverCount()) - 1;
  }

  /** Stops waiting for the answers of a server that is gone. */
  protected forgetServer(uid: ServerId): void {
    this[kRequests].forget(uid);
  }

  override close(): Promise<void> | void {
    this[kClusterAcks].clear();
    return super.close();
  }
}

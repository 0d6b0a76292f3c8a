import { kDropAck, kDropOldestAck, kLimits, kNamespace, kProbe, kReadsOnly } from "../keys.ts";
import type { RawData } from "../packets/codec.ts";
import { AdapterEmitter, isHeard } from "./adapter-emitter.ts";
import type {
  Adapter,
  BroadcastFlags,
  BroadcastOptions,
  PrivateSessionId,
  Room,
  RestoredSession,
  SessionToPersist,
  SocketId,
} from "./adapter.ts";
import { areBroadcastsUnderway, catchUp, presentOf, RECEIVERS_PER_TURN, startBroadcast } from "./large-broadcasts.ts";
import { NO_MEMBERS, addMember, isEmptyKey, membersOf, pruneMember, removeMember, RoomTable } from "./room-table.ts";
import { type EncodedPacket, type OutgoingArguments, receivePacket, withAckId } from "./encoded-packet.ts";
import { countBroadcast, CountedAnswers } from "./look.ts";
import { sizeOfParts } from "../events/looks.ts";
import { BroadcastPlan, offsetIn, type PlannedEvent } from "./send-plan.ts";
import type { AdapterNamespace, AdapterPacket, AdapterSocket } from "./surface.ts";
import type { AckCallback } from "../events/acks.ts";
import type { Untyped } from "../events/typed-events.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kCatchUp = Symbol("catchUp");
const kEnter = Symbol("enter");
const kExit = Symbol("exit");
const kEncode = Symbol("encode");
const kPlan = Symbol("plan");
const kSend = Symbol("send");
const kCount = Symbol("count");
const kCandidates = Symbol("candidates");
const kForEach = Symbol("forEach");
const kSendToMany = Symbol("sendToMany");
const kDeliverEncoded = Symbol("deliver");
const kAskEncoded = Symbol("ask");
const kMembersOf = Symbol("membersOf");

const noop = (): void => undefined;

/** Whether a broadcast names no rooms. As in socket.io, a value that is not a Set names none. */
function isForAll(rooms: ReadonlySet<Room>): boolean {
  return !(rooms.size > 0);
}

/**
 * Stores the rooms of one namespace in the memory of one server, and sends packets to their members.
 *
 * Emits `create-room` and `delete-room` (room), `join-room` and `leave-room` (room, id).
 *
 * @example
 * io.of("/").adapter.on("create-room", (room) => console.log(`room ${room} was created`));
 */
export class InMemoryAdapter extends AdapterEmitter implements Adapter {
  /** The namespace. `any`, because adapters that extend this one read more of it than {@link AdapterNamespace} has. */
  readonly nsp: Untyped;
  /** Maps each room to the ids of its members. Empty rooms are removed. */
  readonly rooms: Map<Room, Set<SocketId>> = new RoomTable();
  /** Maps each socket id to the socket's rooms. */
  readonly sids: Map<SocketId, Set<Room>> = new RoomTable();

  /** @param nsp the namespace; the adapter uses its `name`, `sockets`, `_ids` and `server.encoder` */
  constructor(nsp: unknown) {
    super();
    this.nsp = nsp;
  }

  /** The namespace, by the members that adapters of this package use. */
  protected get [kNamespace](): AdapterNamespace {
    return this.nsp as AdapterNamespace;
  }

  /** Prepares the adapter. The namespace calls it before any other method. */
  init(): Promise<void> | void {}

  /** Releases what the adapter holds. The server calls it when it closes. */
  close(): Promise<void> | void {}

  /** Returns the number of servers, this one included. */
  serverCount(): Promise<number> {
    return Promise.resolve(1);
  }

  /** Adds a socket to rooms. */
  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    this[kCatchUp](id);
    // A socket without rooms is registered as well, since it gets broadcasts to the whole namespace.
    if (rooms.size === 0 && !this.sids.has(id)) this.sids.set(id, new Set());
    for (const room of rooms) {
      addMember(this.sids, id, room);
      this[kEnter](room, id);
    }
  }

  private [kEnter](room: Room, id: SocketId): void {
    if (!isHeard(this)) return void addMember(this.rooms, room, id);
    const isNew = !this.rooms.has(room);
    const hasJoined = addMember(this.rooms, room, id);
    if (isNew) this.emit("create-room", room);
    if (hasJoined) this.emit("join-room", room, id);
  }

  /** Removes a socket from a room. */
  del(id: SocketId, room: Room): Promise<void> | void {
    this[kCatchUp](id);
    removeMember(this.sids, id, room);
    this[kExit](room, id);
  }

  /** Removes a socket from all its rooms. */
  delAll(id: SocketId): void {
    this[kCatchUp](id);
    for (const room of membersOf(this.sids, id)) this[kExit](room, id);
    this.sids.delete(id);
  }

  private [kExit](room: Room, id: SocketId): void {
    if (!isHeard(this)) return pruneMember(this.rooms, room, id);
    if (removeMember(this.rooms, room, id)) this.emit("leave-room", room, id);
    if (isEmptyKey(this.rooms, room) && this.rooms.delete(room)) this.emit("delete-room", room);
  }

  /** Sends a packet to the receivers, encoded once. More than 10,000 receivers take several turns of the event loop. */
  broadcast(packet: AdapterPacket, opts: BroadcastOptions): void {
    this[kDeliverEncoded](this[kEncode](packet), packet, opts);
  }

  private [kDeliverEncoded](encoded: readonly RawData[], packet: OutgoingArguments, opts: BroadcastOptions): void {
    const plan = this[kPlan]({ parts: encoded }, opts.flags);
    const receivers = this[kSend](opts, (socket) => {
      socket.notifyOutgoingListeners?.(packet);
      socket.client.writeToEngine(encoded, plan);
    });
    this[kCount](receivers, opts, { parts: encoded, event: packet });
  }

  // ---- packets that are encoded once for several servers -------------------------------------------------------------

  /** Encodes a packet, for the clients of this server and of others. */
  protected encodePacket(packet: AdapterPacket): EncodedPacket {
    return { parts: this[kEncode](packet), event: packet };
  }

  /**
   * Takes a packet that another server has encoded. Its arguments are decoded for outgoing listeners alone.
   *
   * @throws SocketIoError `CLUSTER_MESSAGE_INVALID` when the built-in parser can't have written it
   */
  protected receivePacket(parts: readonly RawData[]): EncodedPacket {
    return receivePacket(parts, this[kNamespace]);
  }

  /** Sends an encoded packet to the receivers on this server. */
  protected deliverEncoded({ parts, event }: EncodedPacket, opts: BroadcastOptions, _origin?: unknown): void {
    this[kDeliverEncoded](parts, event, opts);
  }

  /**
   * Sends an encoded packet to the receivers on this server. `plain`, without the offset, is for outgoing listeners and for
   * clients of revision 3.
   */
  protected deliverWithOffset(complete: EncodedPacket, plain: EncodedPacket, opts: BroadcastOptions): void {
    const { parts } = complete;
    const plan = this[kPlan](complete, opts.flags);
    let oldPlan: BroadcastPlan | undefined;
    const receivers = this[kSend](opts, (socket) => {
      socket.notifyOutgoingListeners?.(plain.event);
      if (socket.client.conn?.protocol !== 3) return socket.client.writeToEngine(parts, plan);
      socket.client.writeToEngine(plain.parts, (oldPlan ??= this[kPlan](plain, opts.flags)));
    });
    this[kCount](receivers, opts, plain);
  }

  /**
   * Sends an encoded packet that asks for an acknowledgement to the receivers on this server, with an id of this server.
   *
   * @returns the id, for {@link forgetAcks}
   */
  protected askEncoded(
    packet: EncodedPacket,
    opts: BroadcastOptions,
    onAsked: (clients: number) => void,
    onAnswer: AckCallback,
  ): number {
    const id = this[kNamespace]._ids++;
    this[kAskEncoded](withAckId(packet, id, this[kNamespace]), { ...opts, id }, onAsked, onAnswer);
    return id;
  }

  /** Drops the acknowledgements with this id that have not arrived. */
  protected forgetAcks(id: number): void {
    for (const socket of this[kNamespace].sockets.values()) socket[kDropAck]?.(id);
  }

  /**
   * Sends a packet with an offset as last argument to the receivers. Clients of revision 3 do not know recovery, and
   * outgoing listeners expect the program's arguments: both get `plain`, without the offset.
   *
   * @returns the encoded length of the packet, in bytes or characters
   */
  protected deliverLocally(packet: AdapterPacket, plain: AdapterPacket, opts: BroadcastOptions): number {
    const encoded = this[kEncode](packet);
    const plan = this[kPlan]({ parts: encoded, offset: offsetIn(packet, plain) }, opts.flags);
    // The program may change the arguments before the later turns.
    let old = this[kCandidates](opts) > RECEIVERS_PER_TURN ? this[kEncode](plain) : undefined;
    const receivers = this[kSend](opts, (socket) => {
      socket.notifyOutgoingListeners?.(plain);
      if (socket.client.conn?.protocol !== 3) return socket.client.writeToEngine(encoded, plan);
      old ??= this[kEncode](plain);
      socket.client.writeToEngine(old, this[kPlan]({ parts: old }, opts.flags));
    });
    this[kCount](receivers, opts, { parts: encoded, event: plain });
    return sizeOfParts(encoded);
  }

  /**
   * Sends a packet that asks for an acknowledgement to the receivers. More than 10,000 receivers take several turns of the
   * event loop.
   *
   * @param clientCountCallback called once with the number of receivers, when all of them have been asked
   * @param ack called with each answer
   */
  broadcastWithAck(
    packet: AdapterPacket,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: AckCallback,
  ): void {
    // One id serves all receivers: the whole namespace shares the counter.
    const id = this[kNamespace]._ids++;
    packet.id = id;
    this[kAskEncoded]({ parts: this[kEncode](packet), event: packet }, { ...opts, id }, clientCountCallback, ack);
  }

  private [kAskEncoded](
    { parts, event }: EncodedPacket,
    opts: BroadcastOptions & { readonly id: number },
    onAsked: (clients: number) => void,
    ack: AckCallback,
  ): void {
    const plan = this[kPlan]({ parts }, opts.flags);
    const { maxPendingAcks = Infinity } = this[kNamespace].server[kLimits] ?? {};
    const answers = new CountedAnswers();
    const called = this[kNamespace].server[kProbe] === undefined ? ack : answers.counting(ack);
    const ask = (socket: AdapterSocket): void => {
      if (socket.client[kReadsOnly] !== true) {
        answers.asked += 1;
        if (socket.acks.size >= maxPendingAcks) socket[kDropOldestAck]?.(maxPendingAcks);
        socket.acks.set(opts.id, called);
      }
      socket.notifyOutgoingListeners?.(event);
      socket.client.writeToEngine(parts, plan);
    };
    const receivers = this[kSend](opts, ask, () => onAsked(answers.asked));
    this[kCount](receivers, opts, { parts, event, answers });
  }

  private [kCount](receivers: number, opts: BroadcastOptions, sent: Parameters<typeof countBroadcast>[3]): void {
    if (this[kNamespace].server[kProbe] === undefined) return;
    countBroadcast(this[kNamespace], receivers, opts, sent);
  }

  private [kPlan](event: PlannedEvent, flags: BroadcastFlags | undefined): BroadcastPlan {
    return new BroadcastPlan(event, flags, this[kNamespace].name);
  }

  private [kEncode](packet: AdapterPacket): readonly RawData[] {
    const { name, server } = this[kNamespace];
    packet.nsp = name;
    return server.encoder.encode(packet);
  }

  /** Returns the ids of the members of `rooms`, or of all sockets when `rooms` is empty. */
  sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    const ids = new Set<SocketId>();
    this[kForEach]({ rooms }, (_socket, id) => ids.add(id));
    return Promise.resolve(ids);
  }

  /** Returns the rooms of a socket. */
  socketRooms(id: SocketId): Set<Room> | undefined {
    return this.sids.get(id);
  }

  /** Returns the matching sockets. */
  fetchSockets(opts: BroadcastOptions): ReturnType<Adapter["fetchSockets"]> {
    const sockets: AdapterSocket[] = [];
    this[kForEach](opts, (socket) => sockets.push(socket));
    return Promise.resolve(sockets);
  }

  /** Makes the matching sockets join rooms. */
  addSockets(opts: BroadcastOptions, rooms: Room[]): void {
    this[kForEach](opts, (socket) => socket.join(rooms));
  }

  /** Makes the matching sockets leave rooms. */
  delSockets(opts: BroadcastOptions, rooms: Room[]): void {
    this[kForEach](opts, (socket) => {
      for (const room of rooms) socket.leave(room);
    });
  }

  /** Disconnects the matching sockets. */
  disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    this[kForEach](opts, (socket) => socket.disconnect(close));
  }

  /** Emits an event to the other servers. This adapter has none, and warns. */
  serverSideEmit(_packet: unknown[]): void {
    process.emitWarning("this adapter does not support the serverSideEmit() functionality");
  }

  /** Stores the session of a disconnected socket. This adapter stores none. */
  persistSession(_session: SessionToPersist): void {}

  /** Returns a stored session with the events it missed; here always null. */
  restoreSession(_pid: PrivateSessionId, _offset: string): Promise<RestoredSession | null> {
    return Promise.resolve(null);
  }

  /** Delivers pending broadcasts to a socket before its rooms change. */
  private [kCatchUp](id: SocketId): void {
    const socket = areBroadcastsUnderway() ? this[kNamespace].sockets.get(id) : undefined;
    if (socket !== undefined) catchUp(socket, this[kNamespace]);
  }

  /** Returns the number of candidates. */
  private [kSend](
    opts: BroadcastOptions,
    send: (socket: AdapterSocket) => void,
    onFinished: () => void = noop,
  ): number {
    const candidates = this[kCandidates](opts);
    if (candidates > RECEIVERS_PER_TURN) {
      this[kSendToMany](opts, send, onFinished);
    } else {
      this[kForEach](opts, send);
      onFinished();
    }
    return candidates;
  }

  /** Returns the number of sockets that a broadcast is addressed to, including those that it excepts. */
  private [kCandidates]({ rooms }: BroadcastOptions): number {
    return isForAll(rooms) ? this[kNamespace].sockets.size : this[kMembersOf](rooms).size;
  }

  private [kSendToMany](
    { rooms, except }: BroadcastOptions,
    send: (socket: AdapterSocket) => void,
    onFinished: () => void,
  ): void {
    const { sockets } = this[kNamespace];
    const excluded = this[kMembersOf](except);
    const members = isForAll(rooms) ? this.sids : this[kMembersOf](rooms);
    const receivers = isForAll(rooms) ? sockets.values() : presentOf(members.keys(), sockets);
    const isMeant = ({ id }: AdapterSocket): boolean => !excluded.has(id) && members.has(id);
    startBroadcast(this[kNamespace], { receivers, isMeant, send, onFinished });
  }

  /** Visits the matching sockets; each catches up with earlier broadcasts first. */
  // hot path: 4.1 % of the server's time in `burst`
  private [kForEach]({ rooms, except }: BroadcastOptions, visit: (socket: AdapterSocket, id: SocketId) => void): void {
    const { sockets } = this[kNamespace];
    const excluded = this[kMembersOf](except);
    if (isForAll(rooms)) {
      for (const [id, socket] of sockets) {
        if (excluded.has(id) || !this.sids.has(id)) continue;
        catchUp(socket, this[kNamespace]);
        visit(socket, id);
      }
      return;
    }
    for (const id of this[kMembersOf](rooms)) {
      const socket = excluded.has(id) ? undefined : sockets.get(id);
      if (socket === undefined) continue;
      catchUp(socket, this[kNamespace]);
      visit(socket, id);
    }
  }

  /** Returns the members of the rooms, without duplicates. */
  private [kMembersOf](rooms: ReadonlySet<Room> | undefined): ReadonlySet<SocketId> {
    if (!rooms || !(rooms.size > 0)) return NO_MEMBERS;
    if (rooms.size === 1) {
      for (const room of rooms) return membersOf(this.rooms, room);
    }
    const members = new Set<SocketId>();
    for (const room of rooms) {
      for (const id of membersOf(this.rooms, room)) members.add(id);
    }
    return members;
  }
}

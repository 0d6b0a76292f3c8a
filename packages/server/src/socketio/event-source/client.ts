import type { IncomingMessage } from "node:http";
import { type Packet, PacketType } from "@portage/parser/socket";
import { LONGEST_TIMEOUT } from "../../base/clock.ts";
import { bounded } from "../../base/numbers.ts";
import { callProgram } from "../../base/guarded.ts";
import { createLog } from "../../base/log.ts";
import { BroadcastPlan } from "../adapter/send-plan.ts";
import { isEncoded, type PacketWriteOptions } from "../adapter/surface.ts";
import { Client } from "../client/client.ts";
import { isDiscarded, prepare, sendPreparedWatched } from "../client/watched-send.ts";
import {
  EventMessage,
  EventStreamTransport,
  kCongestion,
  kPeekRequest,
  kSendPrepared,
  type PreparedMessage,
  type Session,
} from "../../engine/index.ts";
import { lookAtSent } from "../events/looks.ts";
import { failHandler, watchAdapter } from "../events/listener-errors.ts";
import { kCustomParser, kPort, kProbe, kReadsOnly, kRecordJoin } from "../keys.ts";
import type { RawData } from "../packets/codec.ts";
import { createCloseReason } from "../report/close-codes.ts";
import { SocketIoError } from "../report/errors.ts";
import type { AnyServerSocket } from "../socket/socket.ts";
import { type EventSourceTicket, roomsIn, ticketOf } from "./handler.ts";
import { type NamedEvent, namedEvent, ownEvent } from "./event-text.ts";
import { endsWithOffset } from "./offsets.ts";
import { defaultAuth, resumedFrom } from "./request.ts";

const log = createLog("socket.io:client");

type ServerOfClient = AnyServerSocket["server"];
type Joining = Parameters<Client[typeof kRecordJoin]>;

/** Milliseconds after which a client returns: after a break, and after a refusal, whose reason is for its page. */
const USUAL_RETRY = 2000;
const RETRY_OF_REFUSED = 30_000;

/** Returns the client of a session. */
export function createClient(server: ServerOfClient, conn: Session): Client {
  const { transport } = conn;
  return transport instanceof EventStreamTransport
    ? new EventSourceClient(server, conn, transport)
    : new Client(server, conn);
}

/** A client that reads one namespace by server-sent events, and joins it without asking. */
class EventSourceClient extends Client {
  declare readonly [kReadsOnly]: true;
  readonly #stream: EventStreamTransport;
  readonly #ticket: EventSourceTicket;

  constructor(server: ServerOfClient, conn: Session, stream: EventStreamTransport) {
    super(server, conn);
    this.#stream = stream;
    const request = this[kPort][kPeekRequest]?.() ?? conn.request;
    this.#ticket = ticketOf(request);
    this.#ask(request);
  }

  // ---- joining -----------------------------------------------------------------------------------------------------

  #ask(request: IncomingMessage): void {
    const { auth = defaultAuth } = this.#ticket;
    const position = resumedFrom(request);
    const join = (given: Record<string, unknown> | undefined | void): void => {
      if (this.conn.readyState === "open") this.connect(this.#ticket.name, { ...given, ...position });
    };
    let isRefused = false;
    const given = callProgram(auth, [request], (error, how) => {
      isRefused = true;
      failHandler(this.server.sockets, error, { handler: "connecting", how, namespace: this.server.sockets });
      this.#refuse({ message: "Internal server error" });
    });
    if (isRefused) return;
    if (isPromise(given)) given.then(join, () => undefined);
    else join(given);
  }

  override connect(name: string, auth: Record<string, unknown>): void {
    // The packets of such a namespace can't be written.
    if (name.includes(",")) return this.#answerNever();
    super.connect(name, auth);
  }

  override [kRecordJoin](joining: Joining[0], socket: Joining[1]): void {
    super[kRecordJoin](joining, socket);
    if (socket === undefined) return;
    const { rooms } = this.#ticket;
    const request = this[kPort][kPeekRequest]?.() ?? this.request;
    // An exception refuses the client, like any failure of this step.
    const names = roomsIn(typeof rooms === "function" ? rooms(request) : rooms);
    if (names.length > 0) watchAdapter(socket.join(names), socket.nsp);
  }

  /** Refuses a request that can never pass, by its status. */
  #answerNever(): void {
    this.#stream.refuse(404, JSON.stringify({ code: "UNKNOWN_NAMESPACE", message: "Invalid namespace" }));
    this.conn.close();
  }

  #refuse(data: unknown): void {
    this.#send(`retry: ${RETRY_OF_REFUSED}\n${ownEvent("refused", data)}`);
    this.conn.close();
  }

  /** A socket that has left has nothing to read. */
  override _remove(socket: Parameters<Client["_remove"]>[0]): void {
    super._remove(socket);
    const isShutdown = socket.closeReason?.code === "SERVER_SHUTDOWN";
    this[kPort].close(false, createCloseReason(isShutdown ? "SERVER_SHUTDOWN" : "SERVER_CLOSED"));
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  override _packet(packet: Packet | readonly RawData[], options: PacketWriteOptions = {}): void {
    if (this.conn.readyState !== "open") return;
    if (isEncoded(packet, options)) return this.writeToEngine(packet, options);
    if (log.enabled) log("client %s: writing packet %j", this.id, packet);
    if (packet.type === PacketType.CONNECT) this.#send(this.#hello(packet));
    else if (packet.type === PacketType.CONNECT_ERROR && options.isFinal) this.#answerNever();
    else if (packet.type === PacketType.CONNECT_ERROR) this.#refuse(packet.data);
    else if (packet.type === PacketType.DISCONNECT) this.#send(ownEvent("disconnect", null));
    else if (packet.type === PacketType.EVENT) {
      const { encoder, [kProbe]: probe } = this.server;
      const parts = encoder.encode(packet);
      if (probe !== undefined && --probe.left <= 0) lookAtSent(probe, packet, { sid: this.id, parts, acks: undefined });
      this.writeToEngine(parts, new BroadcastPlan({ parts, offset: options.offset }, options, packet.nsp));
    }
  }

  override writeToEngine(encoded: readonly RawData[] | RawData, options: PacketWriteOptions): void {
    if (options.volatile && isDiscarded(this[kPort], this.id)) return;
    const message = options.prepared ?? prepare(encoded, true);
    if (message.event === undefined) message.event = this.#eventOf(message, options);
    const { event } = message;
    if (event === null || ((event as NamedEvent).hasBytes && this.#ticket.binary === "omit")) return;
    if (this[kPort][kCongestion] !== undefined || options.conflate !== undefined)
      return sendPreparedWatched(this[kPort], event, options);
    this[kPort][kSendPrepared](event);
  }

  /** Makes the event of a message, for all streams. It leaves out messages that it can't decode. */
  #eventOf({ parts, mark }: PreparedMessage, { prepared, offset, volatile }: PacketWriteOptions): NamedEvent | null {
    const hasOffset = this.#stream.streamId !== undefined && volatile !== true && endsWithOffset(parts);
    // Adapters of others append an offset to each event that is neither volatile nor asks for an acknowledgement.
    const appended = (args: readonly unknown[], id: number | undefined): string | undefined =>
      hasOffset && id === undefined && typeof args.at(-1) === "string" ? (args.at(-1) as string) : undefined;
    const offsetIn = prepared === undefined ? appended : () => offset;
    try {
      return namedEvent({ parts, parser: this.server[kCustomParser], mark, offsetIn });
    } catch (error) {
      if (log.enabled) log("client %s: a packet is not an event: %s", this.id, error);
      return null;
    }
  }

  #hello({ nsp, data }: Packet): string {
    const { sid, pid } = data as { sid: string; pid?: string };
    const socket = this.nsps.get(nsp);
    const { recovered = false, recoveryError } = socket ?? {};
    this.#stream.streamId = pid;
    const why = recoveryError instanceof SocketIoError ? `: ${recoveryError.code}: ${recoveryError.message}\n` : "";
    // The id of a resumed session would forget the offset of what the client has received.
    const id = pid === undefined || recovered ? "" : `id: ${pid}.\n`;
    const retry = Math.round(bounded(this.#ticket.retry, 0, LONGEST_TIMEOUT, USUAL_RETRY));
    return `retry: ${retry}\n${why}${id}${ownEvent("connect", { sid, recovered })}`;
  }

  #send(text: string): void {
    this[kPort][kSendPrepared](new EventMessage(text));
  }
}

// On the prototype, since a field would cost memory for each client.
Object.defineProperty(EventSourceClient.prototype, kReadsOnly, { value: true });

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

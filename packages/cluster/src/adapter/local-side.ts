import type { BroadcastOptions, Room } from "@portage/server/adapter";
import {
  type AdapterNamespace,
  type EncodedPacket,
  failAdapter,
  type PacketOrigin,
  SocketIoError,
} from "@portage/server/relay";
import type { LogPosition } from "../order/log.ts";
import type { SessionSide } from "./hand-over.ts";
import type { CommandMessage } from "./messages.ts";
import type { Part } from "./parts.ts";

/** What the adapter does for the sockets of its own node. */
export interface LocalSide {
  readonly nsp: AdapterNamespace;
  /** Takes a packet that another node has encoded. @throws SocketIoError `CLUSTER_MESSAGE_INVALID` */
  receive(parts: readonly Part[]): EncodedPacket;
  /** `origin`: of a recoverable event. */
  deliver(packet: EncodedPacket, opts: BroadcastOptions, origin?: PacketOrigin): void;
  /** Sends a packet with an acknowledgement. Returns its id, for `forgetAcks()`. */
  ask(
    packet: EncodedPacket,
    opts: BroadcastOptions,
    onAsked: (clients: number) => void,
    onAnswer: (answer: unknown) => void,
  ): number;
  forgetAcks(id: number): void;
  /** What this node has delivered of the log; undefined without a log. */
  readonly reached: () => LogPosition | undefined;
  /** Runs something when this node has delivered what the log has up to a position. */
  runAfter(position: LogPosition | undefined, run: () => void): void;
  /** Sends ASK to the other nodes, and calls `askOwn` to ask the clients of this one. */
  publishQuestion(question: CommandMessage, askOwn: () => void): void;
  /** Undefined: sessions are not recoverable. */
  readonly sessions: SessionSide | undefined;
  /**
   * Ends the socket of a session that the node `to` has taken. Returns its record of that term if the store may not have it, or
   * if listeners have still to answer: their answers are sent to that node.
   */
  giveRecord(pid: string, term: string, to: string): Buffer | undefined;
  fetchSockets(opts: BroadcastOptions): Promise<unknown[]>;
  addSockets(opts: BroadcastOptions, rooms: Room[]): void;
  delSockets(opts: BroadcastOptions, rooms: Room[]): void;
  disconnectSockets(opts: BroadcastOptions, close: boolean): void;
}

/** Reports a failure to the `handler_error` listeners of the server, instead of throwing it into a link. */
export function reportMessageError(local: LocalSide, error: unknown): void {
  failAdapter(error, local.nsp, "thrown");
}

/** Returns the error of a malformed message. */
export function malformed(fault: string): SocketIoError {
  return new SocketIoError("CLUSTER_MESSAGE_INVALID", `a message from the bus is ignored: ${fault}`);
}

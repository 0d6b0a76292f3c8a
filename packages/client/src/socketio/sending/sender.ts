/*
 * Sends the events of a socket: at once (send.ts), after the socket has connected (outbox.ts), or again until acknowledged
 * (retry-queue.ts). acks.ts has the pending acknowledgements.
 * Knows: a socket by this interface, and its manager's engine and encoder.
 * Must not know: the connecting of the socket, received events.
 */
import { callEach } from "../../emitter.ts";
import type { Session, TimerOwner } from "../../engine/index.ts";
import type { OutgoingPacket } from "../codec/packet.ts";
import type { SocketOptions } from "../options.ts";
import type { QueuedPacket } from "../socket-types.ts";
import type { Ack, AnyListener } from "../typed-events.ts";

/** A socket, as the functions of this folder see it. */
export interface Sender {
  readonly io: TimerOwner & { readonly engine: Session; readonly encoder: { encode(packet: unknown): unknown[] } };
  readonly nsp: string;
  readonly connected: boolean;
  readonly _opts: Partial<SocketOptions>;
  /** Callbacks of pending acknowledgements, by id. */
  readonly acks: Record<number, Ack>;
  /** Id of the next acknowledgement. */
  ids: number;
  /** Events queued until the socket is connected. */
  sendBuffer: OutgoingPacket[];
  /** Events queued until acknowledged, see the option `retries`. */
  readonly _queue: QueuedPacket[];
  listenersAnyOutgoing(): AnyListener[];
  packet(packet: OutgoingPacket): void;
}

/** Passes an event to the manager. */
export function transmit(self: Sender, packet: OutgoingPacket): void {
  callEach(self.listenersAnyOutgoing().slice(), self, packet.data as unknown[]);
  self.packet(packet);
}

/*
 * How a socket sends its events: at once (send.ts), when there is a connection (outbox.ts), or again and again until they
 * are acknowledged (retry-queue.ts); and what comes back (acks.ts).
 * Knows: a socket by this interface, and its manager's engine and encoder.
 * Must not know: how the socket connects, or what it receives.
 */
import { callEach } from "../../emitter.ts";
import type { Session, TimerOwner } from "../../engine/index.ts";
import type { OutgoingPacket } from "../codec/packet.ts";
import type { SocketOptions } from "../options.ts";
import type { QueuedPacket } from "../socket-types.ts";
import type { Ack, AnyListener } from "../typed-events.ts";

/** A socket, as the functions see it that send its events. */
export interface Sender {
  readonly io: TimerOwner & { readonly engine: Session; readonly encoder: { encode(packet: unknown): unknown[] } };
  readonly nsp: string;
  readonly connected: boolean;
  readonly _opts: Partial<SocketOptions>;
  /** Acknowledgements that are due, by id. */
  readonly acks: Record<number, Ack>;
  /** Id of the next one. */
  ids: number;
  /** Events that wait for the connection. */
  sendBuffer: OutgoingPacket[];
  /** Events that wait for their acknowledgement, see the option `retries`. */
  readonly _queue: QueuedPacket[];
  listenersAnyOutgoing(): AnyListener[];
  packet(packet: OutgoingPacket): void;
}

/** Hands an event to the connection. */
export function transmit(self: Sender, packet: OutgoingPacket): void {
  callEach(self.listenersAnyOutgoing().slice(), self, packet.data as unknown[]);
  self.packet(packet);
}

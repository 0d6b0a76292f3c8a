import { kDeliver } from "../keys.ts";
import { TickQueue } from "../../base/tick-queue.ts";

/** A socket, as this queue sees it. */
interface EventReceiver {
  [kDeliver](event: unknown[]): void;
}

const deliveries = new TickQueue<EventReceiver, unknown[]>((receiver, event) => receiver[kDeliver](event));

/**
 * Queues `receiver[kDeliver](event)` for the end of the running code, before any I/O.
 *
 * As in socket.io, listeners run after all packets of a read have been decoded, so an acknowledgement in the same read comes
 * first. Exceptions of listeners do not unwind into the layers that read. All events of a read share one `nextTick`.
 */
export function deliverSoon(receiver: EventReceiver, event: unknown[]): void {
  deliveries.add(receiver, event);
}

/** Returns the number of queued events. */
export function queuedDeliveries(): number {
  return deliveries.size;
}

/** Delivers all queued events now, because a client that sent them ends its socket or connection. */
export function deliverNow(): void {
  deliveries.runAll();
}

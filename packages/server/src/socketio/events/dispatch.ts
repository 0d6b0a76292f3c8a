import { kDeliver } from "../keys.ts";
import { TickQueue } from "../../base/tick-queue.ts";

/** Something that events are delivered to. */
interface Receiver {
  [kDeliver](event: unknown[]): void;
}

const queue = new TickQueue<Receiver, unknown[]>((receiver, event) => receiver[kDeliver](event));

/**
 * Has `receiver[kDeliver](event)` called once the code that runs now is done, before any I/O.
 *
 * The listeners of events run after all packets of one read have been decoded, as programs know it from socket.io: an
 * acknowledgement in the same read comes first. It also keeps exceptions of the application out of the layers that are
 * reading. All events of one read share one `nextTick`.
 */
export function deliverSoon(receiver: Receiver, event: unknown[]): void {
  queue.add(receiver, event);
}

/** Delivers what waits: a client ends its socket or its connection, and has sent this before. */
export function deliverNow(): void {
  queue.runAll();
}

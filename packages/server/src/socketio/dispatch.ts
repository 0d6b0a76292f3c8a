/** Something that events are delivered to. */
interface Receiver {
  deliver(event: unknown[]): void;
}

let receivers: Receiver[] = [];
let events: unknown[][] = [];

/**
 * Has `receiver.deliver(event)` called once the code that runs now is done, before any I/O.
 *
 * The listeners of events run after all packets of one read have been decoded, as programs know it from socket.io:
 * an acknowledgement in the same read comes first, and an event right before a disconnection is not delivered any
 * more. It also keeps exceptions of the application out of the layers that are reading. All events of one read share
 * one `nextTick`.
 */
// hot path
export function deliverSoon(receiver: Receiver, event: unknown[]): void {
  events.push(event);
  if (receivers.push(receiver) === 1) process.nextTick(deliverAll);
}

function deliverAll(): void {
  let done = 0;
  try {
    // Events that come in meanwhile are delivered in the same round.
    while (done < receivers.length) {
      const index = done++;
      receivers[index]?.deliver(events[index] as unknown[]);
    }
  } finally {
    // Anything left means that a listener threw: the exception is the application's, the rest follows in a new turn.
    receivers = receivers.slice(done);
    events = events.slice(done);
    if (receivers.length > 0) process.nextTick(deliverAll);
  }
}

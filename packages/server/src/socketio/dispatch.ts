/** Something that events are delivered to. */
interface Receiver {
  deliver(event: unknown[]): void;
}

// Two arrays instead of one of pairs: an event costs no object of its own.
let receivers: Receiver[] = [];
let events: unknown[][] = [];
let delivered = 0;

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
  try {
    // Events that come in meanwhile are delivered in the same round.
    while (delivered < receivers.length) {
      const index = delivered++;
      receivers[index]?.deliver(events[index] as unknown[]);
    }
  } finally {
    if (delivered < receivers.length) {
      // A listener threw: the exception is the application's, the rest follows in a new turn.
      process.nextTick(deliverAll);
    } else {
      receivers = [];
      events = [];
      delivered = 0;
    }
  }
}

import type { Ack, AnyListener } from "./typed-events.ts";

/** An event that is sent until it is acknowledged. */
export interface QueuedPacket {
  /** How often it was sent. */
  tryCount: number;
  /** Whether it was sent and its acknowledgement is due. */
  pending: boolean;
  /** Name, arguments, and the function that the acknowledgement calls. */
  readonly args: unknown[];
  /** The flags it was emitted with. */
  readonly flags: object;
}

/** What the queue asks of its socket. */
interface Sender {
  readonly connected: boolean;
  /** Events in the order in which they were emitted; the first one is the one that is sent. */
  readonly _queue: QueuedPacket[];
}

/**
 * Queues an event: it is sent when all before it are done.
 *
 * @param retries how often it is sent again
 * @param send sends it once
 */
export function enqueue(
  sender: Sender,
  packet: QueuedPacket,
  retries: number,
  send: (packet: QueuedPacket) => void,
): void {
  const { args } = packet;
  const ack = typeof args.at(-1) === "function" ? (args.pop() as AnyListener) : undefined;
  const done: Ack = (error: Error | null, ...response: unknown[]): void => {
    packet.pending = false;
    if (!error || packet.tryCount > retries) {
      sender._queue.shift();
      ack?.(error, ...response);
    }
    sendNext(sender, send);
  };
  done.withError = true;
  args.push(done);
  sender._queue.push(packet);
  sendNext(sender, send);
}

/** Sends the first event of the queue, unless that has been done and its acknowledgement is due. */
export function sendNext(sender: Sender, send: (packet: QueuedPacket) => void): void {
  const packet = sender._queue[0];
  if (!packet || !sender.connected || packet.pending) return;
  packet.pending = true;
  packet.tryCount++;
  send(packet);
}

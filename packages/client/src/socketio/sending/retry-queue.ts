import { callEach } from "../../emitter.ts";
import { encodeWith, EVENT } from "../codec/packet.ts";
import type { Flags, QueuedPacket } from "../socket-types.ts";
import type { Ack } from "../typed-events.ts";
import { popAck } from "./acks.ts";
import { send } from "./send.ts";
import type { Sender } from "./sender.ts";

// Events sent one at a time, in order, and again until acknowledged: see the option `retries`.

/** Queues an event. It is sent after the previous ones are done, and up to `retries` times more. */
export function enqueue(self: Sender, args: unknown[], flags: Flags, retries: number): void {
  const ack = popAck(args);
  encodeWith(self.io.encoder, { type: EVENT, nsp: self.nsp, data: args });
  const packet: QueuedPacket = { tryCount_: 0, pending: false, args, flags };
  const done: Ack = (error: Error | null, ...response: unknown[]): void => {
    packet.pending = false;
    if (!error || packet.tryCount_ > retries) {
      self._queue.shift();
      if (ack) callEach([ack], self, [error, ...response]);
    }
    sendNext(self);
  };
  done.withError_ = true;
  args.push(done);
  self._queue.push(packet);
  sendNext(self);
}

/** Sends the first event of the queue, unless its acknowledgement is pending. */
export function sendNext(self: Sender): void {
  const [packet] = self._queue;
  if (!packet || !self.connected || packet.pending) return;
  packet.pending = true;
  packet.tryCount_++;
  try {
    send(self, [...packet.args], packet.flags);
  } catch (error) {
    // the program has changed the event since, so a retry is pointless
    packet.tryCount_ = Infinity;
    (packet.args.at(-1) as Ack)(error);
  }
}

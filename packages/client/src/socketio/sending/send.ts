import { throwLater } from "../../emitter.ts";
import { encodeWith, EVENT, type OutgoingPacket } from "../codec/packet.ts";
import type { Flags } from "../socket-types.ts";
import { expectAck, failAck, popAck, takeAck } from "./acks.ts";
import { push, take } from "./outbox.ts";
import { type Sender, transmit } from "./sender.ts";

/** Sends an event. Without a connection, or while it has no transport, queues the event, or drops it if it is volatile. */
export function send(self: Sender, data: unknown[], flags: Flags): void {
  const { engine, encoder } = self.io;
  const packet: OutgoingPacket = { type: EVENT, data, options: { compress: flags.compress !== false } };
  const ack = popAck(data);
  // all tries of an event have one id, by which the server knows it again
  if (ack) packet.id = flags.id ??= self.ids++;
  const isAdrift = engine?.carry_?.isHolding_;
  const isSent = self.connected && !isAdrift && engine.checkAlive();
  const isDropped = flags.volatile && (isAdrift || !engine?.transport?.writable);
  // throws to the caller now if the event can't be encoded, not when it is sent later
  if (!isSent && !isDropped) encodeWith(encoder, { ...packet, nsp: self.nsp });
  if (ack) expectAck(self, packet.id as number, ack, flags.timeout ?? self._opts.ackTimeout);
  if (isDropped) return;
  if (!isSent) return push(self, packet);
  try {
    transmit(self, packet);
  } catch (error) {
    takeAck(self, packet.id as number);
    throw error;
  }
}

/** Sends the queued events while the socket is connected. */
export function sendKept(self: Sender): void {
  for (let packet; self.connected && (packet = take(self));) {
    try {
      transmit(self, packet);
    } catch (error) {
      // the program has changed the event since
      if (!failAck(self, packet.id as number, error)) throwLater(error);
    }
  }
}

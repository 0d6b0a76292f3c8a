import type { OutgoingPacket } from "../codec/packet.ts";
import type { Sender } from "./sender.ts";

// Events queued until the socket is connected, in the array `sendBuffer`, which programs read, empty and replace. Only the
// functions of this file access it, so that another kind of storage changes this file alone.

type Outbox = Pick<Sender, "sendBuffer">;

export function push(self: Outbox, packet: OutgoingPacket): void {
  self.sendBuffer.push(packet);
}

/** Removes and returns the oldest event. */
export const take = (self: Outbox): OutgoingPacket | undefined => self.sendBuffer.shift();

/** Removes the event with this id. */
export function drop(self: Outbox, id: number): void {
  self.sendBuffer = self.sendBuffer.filter((packet) => packet.id !== id);
}

/** Returns the ids of the queued events; undefined stands for events without one. */
export const ids = (self: Outbox): Set<number | undefined> => new Set(self.sendBuffer.map(({ id }) => id));

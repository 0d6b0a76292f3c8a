import type { OutgoingPacket } from "../codec/packet.ts";
import type { Sender } from "./sender.ts";

// Events that wait for the connection. They are kept in the array `sendBuffer`, which programs read, empty and replace;
// the functions here are all that touches it, so that another place to keep them changes this file alone.

type Outbox = Pick<Sender, "sendBuffer">;

export function push(self: Outbox, packet: OutgoingPacket): void {
  self.sendBuffer.push(packet);
}

/** Takes the oldest event. */
export const take = (self: Outbox): OutgoingPacket | undefined => self.sendBuffer.shift();

/** The event of this id is not to be sent any more. */
export function drop(self: Outbox, id: number): void {
  self.sendBuffer = self.sendBuffer.filter((packet) => packet.id !== id);
}

/** Ids of the events that have one. */
export const ids = (self: Outbox): Set<number | undefined> => new Set(self.sendBuffer.map(({ id }) => id));

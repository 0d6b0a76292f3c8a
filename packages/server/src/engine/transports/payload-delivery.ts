import type { EnginePacket } from "@portage/parser/engine";
import { nextTurn } from "../../turn.ts";

/** Packets that are delivered without a pause; what listeners do with them is not done before it. */
const SLICE = 500;

/** Who gets the packets of a payload. */
export interface PayloadReceiver {
  /** @returns false to have no more */
  onPacket(packet: EnginePacket): boolean;
  /** All have been delivered, or no more are wanted. Called once. */
  onDelivered(): void;
}

/**
 * Delivers the packets of one payload, in order: at once, if they are few. Many are delivered a slice per turn of the
 * event loop, so that a payload of thousands does not keep everybody else waiting.
 */
export function deliverPayload(packets: readonly EnginePacket[], receiver: PayloadReceiver): void {
  deliverFrom(0, packets, receiver);
}

function deliverFrom(start: number, packets: readonly EnginePacket[], receiver: PayloadReceiver): void {
  const end = Math.min(start + SLICE, packets.length);
  for (let index = start; index < end; index++) {
    if (!receiver.onPacket(packets[index] as EnginePacket)) return receiver.onDelivered();
  }
  if (end === packets.length) receiver.onDelivered();
  else nextTurn((at) => deliverFrom(at, packets, receiver), end);
}

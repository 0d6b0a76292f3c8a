import type { Packet } from "@portage/parser/socket";
import type { Adapter } from "../adapter/adapter.ts";
import type { PacketWriteOptions } from "../adapter/surface.ts";
import { kSendInOrder } from "../keys.ts";

interface PacketSender {
  readonly id: string;
  readonly adapter: Adapter;
  packet(packet: Packet, options?: PacketWriteOptions): void;
}

/** Sends a packet to the client of a socket, after the events that the adapter holds. */
export function sendInOrder(socket: PacketSender, packet: Packet, options?: PacketWriteOptions): void {
  const { adapter } = socket;
  if (adapter[kSendInOrder] === undefined) socket.packet(packet, options);
  else adapter[kSendInOrder](() => socket.packet(packet, options), socket.id);
}

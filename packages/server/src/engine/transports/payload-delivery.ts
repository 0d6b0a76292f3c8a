import { type EnginePacket, ParserError, type RawData, readPayloadV4 } from "@portage/parser/engine";
import { readPayloadV3 } from "@portage/parser/engine-v3";
import { nextTurn } from "../../base/turn.ts";
import { type CloseReason, closeReason } from "../report/close-codes.ts";

/** Packets that are decoded and delivered in one turn of the event loop. */
const PACKETS_PER_TURN = 500;

/** Receives the packets of a payload. */
export interface PayloadReceiver {
  /** @returns false to stop the delivery */
  onPacket(packet: EnginePacket): boolean;
  /**
   * Called once, after the last packet or when the receiver has stopped the delivery.
   *
   * @param failure the error of the decoder, if the rest of the payload is malformed
   */
  onDelivered(failure?: unknown): void;
}

/**
 * Delivers the packets of one payload in order, at most {@link PACKETS_PER_TURN} per turn of the event loop, so that a
 * payload of thousands does not block other clients.
 *
 * @param packets decodes one packet per call; an error it throws is reported after the packets before it
 */
export function deliverPayload(packets: Iterator<EnginePacket>, receiver: PayloadReceiver): void {
  for (let count = 0; count < PACKETS_PER_TURN; count++) {
    let next: IteratorResult<EnginePacket>;
    try {
      next = packets.next();
    } catch (error) {
      return receiver.onDelivered(error);
    }
    if (next.done === true || !receiver.onPacket(next.value)) return receiver.onDelivered();
  }
  nextTurn(() => deliverPayload(packets, receiver), undefined);
}

/** Decodes the packets of a POST body one by one, in the format of the client's protocol revision. */
export function readPayload(body: RawData, protocol: 3 | 4, maxPackets: number): Iterator<EnginePacket> {
  return protocol === 4 ? readPayloadV4(body.toString(), maxPackets) : readPayloadV3(body, maxPackets);
}

/** Returns the close reason for a payload that could not be decoded. */
export function payloadFailure(failure: unknown, maxPackets: number): CloseReason {
  const isTooMany = failure instanceof ParserError && failure.code === "ENGINE_TOO_MANY_PACKETS";
  if (!isTooMany) return closeReason("INVALID_PACKET", failure);
  return { ...closeReason("TOO_MANY_PACKETS", failure), limit: maxPackets, actual: maxPackets + 1 };
}

import { type EnginePacket, ParserError, type RawData, readPayloadV4 } from "@portage/parser/engine";
import { readPayloadV3 } from "@portage/parser/engine-v3";
import { nextTurn } from "../../base/turn.ts";
import { type CloseReason, closeReason } from "../report/close-codes.ts";

/** Packets that are decoded and delivered without a pause; what listeners do with them is not done before it. */
const PACKETS_PER_TURN = 500;

/** Who gets the packets of a payload. */
export interface PayloadReceiver {
  /** @returns false to have no more */
  onPacket(packet: EnginePacket): boolean;
  /**
   * All have been delivered, or no more are wanted. Called once.
   *
   * @param failure what is wrong with the rest of the payload, if something is
   */
  onDelivered(failure?: unknown): void;
}

/**
 * Delivers the packets of one payload, in order: at once, if they are few. Many are decoded and delivered a slice per turn
 * of the event loop, so that a payload of thousands does not keep everybody else waiting.
 *
 * @param packets decodes one each time; what it throws is handed on, after the packets before
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

/** Decodes the packets of a POST body one by one, in the form of the client's revision. */
export function readPayload(body: RawData, protocol: 3 | 4, maxPackets: number): Iterator<EnginePacket> {
  return protocol === 4 ? readPayloadV4(body.toString(), maxPackets) : readPayloadV3(body, maxPackets);
}

/** Why a payload that could not be decoded to its end closes the session. */
export function payloadFailure(failure: unknown, maxPackets: number): CloseReason {
  const isTooMany = failure instanceof ParserError && failure.code === "ENGINE_TOO_MANY_PACKETS";
  if (!isTooMany) return closeReason("INVALID_PACKET", failure);
  return { ...closeReason("TOO_MANY_PACKETS", failure), limit: maxPackets, actual: maxPackets + 1 };
}

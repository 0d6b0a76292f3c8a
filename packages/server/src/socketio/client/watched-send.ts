import { type Packet, PacketType } from "@portage/parser/socket";
import { SendPlan } from "../adapter/send-plan.ts";
import type { PacketWriteOptions } from "../adapter/surface.ts";
import type { RawData } from "../packets/codec.ts";
import { type Congestion, kSendPrepared, kWatchQueue, PreparedMessage } from "../../engine/index.ts";
import { createLog } from "../../base/log.ts";
import type { SessionPort } from "./session-port.ts";

const log = createLog("socket.io:client");

/** The messages made of each array, since third-party adapters pass the same array to all receivers of a broadcast. */
const preparedMessages = new WeakMap<readonly RawData[], PreparedMessage>();

/** Returns the message that all receivers of an array share. */
export function prepare(given: readonly RawData[] | RawData, compress: boolean): PreparedMessage {
  const encoded = typeof given === "string" || Buffer.isBuffer(given) ? [given] : given;
  let message = preparedMessages.get(encoded);
  if (message === undefined) preparedMessages.set(encoded, (message = new PreparedMessage(encoded, compress)));
  return message;
}

/** Whether a volatile packet is dropped, because it can't leave at once. */
export function isDiscarded(port: SessionPort, id: string): boolean {
  if (port.writable) return false;
  if (log.enabled) log("client %s: a volatile packet is discarded, the transport can't take it now", id);
  return true;
}

/** Sends a packet to a client that may be slow, or a packet that may replace another. Only events can be dropped. */
export function sendWatched(
  port: SessionPort,
  packet: Packet,
  parts: readonly RawData[],
  options: PacketWriteOptions | undefined,
): void {
  const congestion = packet.type === PacketType.EVENT ? port[kWatchQueue]?.() : undefined;
  if (congestion === undefined) {
    for (const part of parts) port.write(part, options);
    return;
  }
  const plan = new SendPlan(options, packet.nsp);
  if (!mayWait(congestion, parts, plan)) return;
  for (const part of parts) port.write(part, plan);
}

/** Does the same for a broadcast. */
export function sendPreparedWatched(port: SessionPort, message: PreparedMessage, options: PacketWriteOptions): void {
  const congestion = port[kWatchQueue]?.();
  const { mark } = message;
  if (congestion !== undefined && !mayWait(congestion, message.parts, { mark, ifSlow: options.ifSlow })) return;
  port[kSendPrepared](message);
}

/** Applies the policy to the queue. Returns false if the event is dropped. */
function mayWait(
  congestion: Congestion,
  parts: readonly RawData[],
  { mark, ifSlow }: { readonly mark: SendPlan["mark"] | undefined; readonly ifSlow: SendPlan["ifSlow"] },
): boolean {
  if (congestion.isOver) return false;
  if (mark?.key !== undefined && congestion.supersede(mark.key)) return true;
  if (!congestion.isSlow) return true;
  const policy = ifSlow ?? congestion.policy;
  if (policy === "drop-newest") congestion.recordDropped(1);
  else if (policy === "drop-oldest") congestion.dropOldest(lengthOf(parts));
  else if (policy === "disconnect") congestion.endSession();
  return policy === "keep" || policy === "drop-oldest";
}

function lengthOf(parts: readonly RawData[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

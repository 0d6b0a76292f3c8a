import { type Packet, PacketType } from "@portage/parser/socket";
import { conflationKey, type WriteOptions } from "../adapter/surface.ts";
import type { RawData } from "../packets/codec.ts";
import {
  type Congestion,
  EventMark,
  isSession,
  kSendPrepared,
  kWatchQueue,
  PreparedMessage,
  type Session,
} from "../../engine/index.ts";
import { createLog } from "../../base/log.ts";
import type { Link } from "./session-port.ts";

const log = createLog("socket.io:client");

/** Adapters of others hand the same array to all receivers of a broadcast: what is made of it is shared as well. */
const preparedMessages = new WeakMap<readonly RawData[], PreparedMessage>();

/** The message that all receivers share. */
export function prepare(given: readonly RawData[] | RawData, compress: boolean): PreparedMessage {
  const encoded = typeof given === "string" || Buffer.isBuffer(given) ? [given] : given;
  let message = preparedMessages.get(encoded);
  if (message === undefined) preparedMessages.set(encoded, (message = new PreparedMessage(encoded, compress)));
  return message;
}

/** An event on its way to one peer. */
interface Outgoing {
  readonly parts: readonly RawData[];
  readonly options: WriteOptions | undefined;
  /** Its key, in the namespace of the key's owner. */
  readonly key: string | undefined;
}

/** Whether a volatile packet gets lost, because it could not leave at once. */
export function isDiscarded(link: Link, id: string): boolean {
  if (link.writable) return false;
  if (log.enabled) log("client %s: a volatile packet is discarded, the transport can't take it now", id);
  return true;
}

/** Sends a packet to a peer that may be slow, or one that may replace another. Only events can be dropped. */
export function sendWatched(
  conn: Session,
  packet: Packet,
  parts: readonly RawData[],
  options: WriteOptions | undefined,
): void {
  const isEvent = packet.type === PacketType.EVENT && isSession(conn);
  const key = conflationKey(packet.nsp, options?.conflate);
  if (isEvent && !mayWait(conn[kWatchQueue](), { parts, options, key })) return;
  const mark = isEvent ? new EventMark(key) : undefined;
  for (const part of parts) conn.write(part, { compress: options?.compress, mark });
}

/** The same for an event that many get. */
export function sendPreparedWatched(conn: Session, message: PreparedMessage, options: WriteOptions): void {
  const key = message.mark?.key;
  if (isSession(conn) && !mayWait(conn[kWatchQueue](), { parts: message.parts, options, key })) return;
  conn[kSendPrepared](message);
}

/** Makes room for an event, as the policy wants it. False: the event is dropped. */
function mayWait(congestion: Congestion, { parts, options, key }: Outgoing): boolean {
  if (congestion.isOver) return false;
  if (key !== undefined && congestion.supersede(key)) return true;
  if (!congestion.isSlow) return true;
  const policy = options?.ifSlow ?? congestion.policy;
  if (policy === "drop-newest") congestion.onDropped(1);
  else if (policy === "drop-oldest") congestion.dropOldest(lengthOf(parts));
  else if (policy === "disconnect") congestion.giveUp();
  return policy === "keep" || policy === "drop-oldest";
}

function lengthOf(parts: readonly RawData[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

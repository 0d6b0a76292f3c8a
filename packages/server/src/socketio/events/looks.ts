/*
 * Follows the packets that a probe looks at: how long their listeners take, and when they are acknowledged.
 * Runs for a sample of the packets alone.
 */
import { PacketType } from "@portage/parser/socket";
import { serverClock } from "../../base/clock.ts";
import { kDeliver } from "../keys.ts";
import type { AnswerFollower, PacketFollower, PacketLook, PacketProbe } from "../probe.ts";
import type { AckCallback, PendingAcks } from "./acks.ts";
import { deliverSoon, queuedDeliveries } from "./dispatch.ts";

/** A part of a message. */
type RawData = string | Uint8Array;

/** A packet, as looks read it. */
interface LookedAt {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number | undefined;
  readonly data?: unknown;
}

/** The socket of a received packet. */
interface ReceivingSocket {
  dedupKey(acknowledge: AckCallback): string | undefined;
}

/** Most values of a packet among which binary data is counted. */
const MOST_VALUES = 64;

/** Returns the bytes of attachments, as far as they are near the surface. */
function attachedBytes(values: readonly unknown[]): number {
  let bytes = 0;
  const left = [...values];
  for (let count = 0; left.length > 0 && count < MOST_VALUES; count++) {
    const value = left.pop();
    if (value instanceof Uint8Array) bytes += value.length;
    else if (typeof value === "object" && value !== null) left.push(...Object.values(value).slice(0, MOST_VALUES));
  }
  return bytes;
}

/** Returns bytes and characters of the parts of a packet. */
export function sizeOfParts(parts: readonly RawData[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

/** Returns the name of an event; undefined for any other packet. */
export function eventName({ type, data }: Pick<LookedAt, "type" | "data">): string | undefined {
  return type === PacketType.EVENT && Array.isArray(data) ? String(data[0]) : undefined;
}

function lookAt(sid: string, packet: LookedAt, size: number): PacketLook {
  return { sid, namespace: packet.nsp, event: eventName(packet), size };
}

/** Measures the time of the listeners: two pieces of work around the delivery, in the same queue. */
class Stopwatch {
  readonly #follower: PacketFollower;
  #startedAt = -1;

  constructor(follower: PacketFollower) {
    this.#follower = follower;
  }

  /** Measures middlewares, and listeners to all events: they are called before. */
  measure(handle: () => void): void {
    this.#follower.begins();
    const startedAt = serverClock.now();
    handle();
    this.#follower.passed(serverClock.now() - startedAt);
  }

  [kDeliver](): void {
    if (this.#startedAt !== -1) return this.#follower.handled(serverClock.now() - this.#startedAt);
    this.#follower.begins();
    this.#startedAt = serverClock.now();
  }
}

/** Passes the first call on to the follower. */
function answering(follower: AnswerFollower, ack: AckCallback): AckCallback {
  const since = serverClock.now();
  let isAnswered = false;
  return (...args) => {
    if (!isAnswered) follower.answered(serverClock.now() - since);
    isAnswered = true;
    ack(...args);
  };
}

/** Follows the acknowledgement that a client has asked for. Clients that repeat events know theirs by identity. */
function followOwnAnswer(follower: AnswerFollower, { id, data }: LookedAt, socket: ReceivingSocket): void {
  if (id === undefined || !Array.isArray(data)) return;
  const ack: unknown = data.at(-1);
  if (typeof ack !== "function" || socket.dedupKey(ack as AckCallback) !== undefined) return;
  data[data.length - 1] = answering(follower, ack as AckCallback);
}

/** Lets a probe look at a received packet, and handles it. */
export function takeWatched(
  probe: PacketProbe,
  packet: LookedAt,
  { sid, data, socket }: { readonly sid: string; readonly data: RawData; readonly socket: ReceivingSocket | undefined },
  handle: () => void,
): void {
  const size = typeof data === "string" ? data.length : attachedBytes(packet.data as unknown[]);
  const follower = probe.received(lookAt(sid, packet, size));
  if (follower === undefined || socket === undefined || packet.type !== PacketType.EVENT) return handle();
  const before = queuedDeliveries();
  const stopwatch = new Stopwatch(follower);
  deliverSoon(stopwatch, NO_EVENT);
  stopwatch.measure(handle);
  // A middleware may deliver it later, or not at all.
  if (queuedDeliveries() === before + 2) deliverSoon(stopwatch, NO_EVENT);
  followOwnAnswer(follower, packet, socket);
}

const NO_EVENT: unknown[] = [];

/** Lets a probe look at a packet for one client. */
export function lookAtSent(
  probe: PacketProbe,
  packet: LookedAt,
  {
    sid,
    parts,
    acks,
  }: { readonly sid: string; readonly parts: readonly RawData[]; readonly acks: PendingAcks | undefined },
): void {
  const ack = packet.type === PacketType.EVENT && packet.id !== undefined ? acks?.get(packet.id) : undefined;
  const follower = probe.sent(lookAt(sid, packet, sizeOfParts(parts)), ack !== undefined);
  if (follower !== undefined && ack !== undefined) acks?.set(packet.id as number, answering(follower, ack));
}

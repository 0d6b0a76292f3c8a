import type { Adapter } from "../adapter/adapter.ts";
import { InMemoryAdapter } from "../adapter/in-memory.ts";
import type { AdapterPacket } from "../adapter/surface.ts";
import type { RawData } from "../packets/codec.ts";

/*
 * Offsets of events, by which clients resume their sessions. Adapters of others append them and pass on encoded packets. An
 * offset there looks like any last argument. Adapters of this package name the offset beside the packet.
 */

/** Length of the data of an event before an adapter appends an offset. */
const emitted = new WeakMap<readonly unknown[], number>();

/** Encoded events with an offset as last argument. */
const endingWithOffset = new WeakSet<readonly RawData[]>();

/** An adapter of `socket.io-adapter`: encodes packets by this member. */
interface EncodingMember {
  encoder?: { encode(packet: AdapterPacket): readonly RawData[] };
}

/** Whether the last argument of an encoded event is an offset. */
export const endsWithOffset = (encoded: readonly RawData[]): boolean => endingWithOffset.has(encoded);

/** Notes from now on the events of an adapter with an offset. */
export function noteOffsets(adapter: Adapter & EncodingMember): void {
  const { encoder } = adapter;
  if (encoder === undefined || adapter instanceof InMemoryAdapter) return;
  const appends = appendsOffsets(adapter);
  const broadcast = adapter.broadcast.bind(adapter);
  adapter.broadcast = (packet, opts) => {
    emitted.set(packet.data, packet.data.length);
    return broadcast(packet, opts);
  };
  const encode = (packet: AdapterPacket): readonly RawData[] => {
    const parts = encoder.encode(packet);
    const length = emitted.get(packet.data);
    // Another node has emitted the others.
    if (length === undefined ? appends : packet.data.length > length) endingWithOffset.add(parts);
    return parts;
  };
  adapter.encoder = Object.assign(Object.create(encoder) as typeof encoder, { encode });
}

/** Whether an adapter appends offsets to events of other nodes: whether it can resume sessions, or is made for it. */
function appendsOffsets(adapter: Adapter): boolean {
  if ("addOffsetIfNecessary" in adapter) return true;
  let owners = 0;
  // The one of the base class finds nothing.
  for (let at: object | null = adapter; at !== null; at = Object.getPrototypeOf(at) as object | null)
    if (Object.hasOwn(at, "restoreSession")) owners += 1;
  return owners > 1;
}

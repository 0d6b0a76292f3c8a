import { kOneSocket } from "../keys.ts";
import type { BroadcastFlags, BroadcastOptions, Room, SocketId } from "./adapter.ts";

/** Returns the options of a broadcast to one socket of this server. */
export function onlyTo(id: SocketId, flags: BroadcastFlags = {}): BroadcastOptions {
  return { rooms: new Set([id]), except: new Set<Room>(), flags, [kOneSocket]: true };
}

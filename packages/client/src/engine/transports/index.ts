/*
 * The transports of the engine, by name.
 * They know requests and WebSockets of the platform, and the engine codec of the parser.
 * They must not know sessions, the upgrade or packets of Socket.IO: their owner listens to them.
 */
import type { TransportCtor } from "../options.ts";
import { DefaultPolling } from "./polling.node.ts";
import { WS } from "./websocket.node.ts";

/** The transports known by name. Assign to it to replace one, or to add one for every socket. */
export const transports: Record<string, TransportCtor> = { __proto__: null!, websocket: WS, polling: DefaultPolling };

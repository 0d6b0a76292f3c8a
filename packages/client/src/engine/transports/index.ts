/*
 * The transports of the engine, by name.
 * They know requests and WebSockets of the platform, and the engine codec of the parser.
 * They must not know sessions, the upgrade or packets of Socket.IO: their owner listens to them.
 */
import { ENGINE_ERRORS, EngineError } from "../errors.ts";
import type { SocketOptions, TransportCtor } from "../options.ts";
import { DefaultPolling } from "./polling.node.ts";
import { WS } from "./websocket.node.ts";

/** The transports known by name. Assign to it to replace one, or to add one for every socket. */
export const transports: Record<string, TransportCtor> = { __proto__: null!, websocket: WS, polling: DefaultPolling };

/**
 * The transports of the options, in order, by name; unknown names are left out.
 *
 * @throws EngineError `CONFLICTING_OPTIONS` for both `transports` and `transportImplementations`
 */
export function chooseTransports(options: SocketOptions): Map<string, TransportCtor> {
  const { transports: names, transportImplementations: classes } = options;
  if (names && classes) throw new EngineError("CONFLICTING_OPTIONS", ENGINE_ERRORS.CONFLICTING_OPTIONS);
  const wanted = classes || names || ["polling", "websocket"];
  return new Map(
    [...wanted]
      .map((item): [string, TransportCtor] =>
        typeof item === "function" ? [item.prototype.name, item] : [item, transports[item]!],
      )
      .filter(([, Ctor]) => Ctor),
  );
}

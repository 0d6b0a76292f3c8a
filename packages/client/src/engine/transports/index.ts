/*
 * The transports of the engine, by name.
 * Know: requests and WebSockets of the platform, and the engine codec of the parser.
 * Must not know: sessions, the upgrade, packets of Socket.IO. Their owner handles their events.
 */
import { ENGINE_ERRORS, EngineError } from "../errors.ts";
import type { SocketOptions, TransportCtor } from "../options.ts";
import { DefaultPolling } from "./polling.node.ts";
import { WS } from "./websocket.node.ts";

/** Transports by name. Assign to a name to replace or add a transport for every socket. */
export const transports: Record<string, TransportCtor> = { __proto__: null!, websocket: WS, polling: DefaultPolling };

/**
 * Returns the transports of the options by name, in order, without unknown names.
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

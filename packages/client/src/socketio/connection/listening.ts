import { type Emitter, listen } from "../../emitter.ts";
import { nextTick, type Session, type SocketReservedEvents as EngineEvents } from "../../engine/index.ts";
import type { NoEvents } from "../../typed-events.ts";
import type { DecoderEvents } from "../codec/decoder.ts";
import type { CustomParser } from "../typed-events.ts";
import type { DisconnectDescription } from "../socket-types.ts";
import type { ManagerReservedEvents } from "./events.ts";

/** A manager, as its open connection sees it. */
export interface Listening extends Emitter<NoEvents, NoEvents, ManagerReservedEvents> {
  readonly engine: Session;
  readonly decoder: CustomParser;
  readonly _readyState: string;
  /** Cleanup functions of the current connection. */
  readonly subs: (() => unknown)[];
  onclose(reason: string, details?: DisconnectDescription): void;
}

/** Listens to an open connection. Reports packets, errors and the close in their order of arrival. */
export function listenTo(manager: Listening, engine: Session): void {
  const turns: (() => void)[] = [];
  const take = (): void => {
    while (turns.length && engine === manager.engine && manager._readyState === "open") turns.shift()!();
  };
  const later = (turn: () => void): void => {
    turns.push(turn);
    nextTick(take);
  };
  const inTurn = (turn: () => void): void => {
    if (turns.length) later(turn);
    else turn();
  };
  const unlisten = listen<EngineEvents>(engine, {
    ping: () => manager["emitReserved"]("ping"),
    carried: (from, to) => manager["emitReserved"]("carried", from, to),
    data: (data) => {
      try {
        manager.decoder.add(data);
      } catch (error) {
        unlisten();
        engine.close();
        inTurn(() => manager.onclose("parse error", error as Error));
      }
    },
    error: (error) => inTurn(() => manager["emitReserved"]("error", error as Error)),
    close: (reason, details) => inTurn(() => manager.onclose(reason, details)),
  });
  manager.subs.push(
    unlisten,
    listen<DecoderEvents>(manager.decoder, {
      // in a later tick, so that errors of listeners do not reach the connection
      decoded: (packet) => later(() => manager["emitReserved"]("packet", packet)),
    }),
  );
}

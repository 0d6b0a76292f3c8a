import type { Packet } from "@portage/parser/engine";
import { listen } from "../emitter.ts";
import type { SocketOptions } from "./options.ts";
import type { CloseDetails, Transport, TransportReservedEvents } from "./transport.ts";

/** In which order and at which distance transports are tried. */
export interface OpeningPlan {
  readonly names: readonly string[];
  /** Milliseconds after which the next one starts; undefined: when the one before has failed. */
  readonly delay: number | undefined;
  /** Whether the one before goes on then. */
  readonly isRace: boolean;
}

/** Milliseconds between two transports that race. */
const HEAD_START = 300;

/**
 * The plan for the transports of a socket.
 *
 * @param first goes before the others, if it is one of them
 * @param isRace whether they race; else the options decide whether there is a second try
 */
export function planOpening(
  names: readonly string[],
  { tryAllTransports, upgradeTimeout }: SocketOptions,
  first: string | undefined,
  isRace: boolean,
): OpeningPlan {
  const ordered = first && names.includes(first) ? [...new Set([first, ...names])] : names;
  return {
    names: isRace || tryAllTransports ? ordered : ordered.slice(0, 1),
    delay: isRace ? HEAD_START : upgradeTimeout,
    isRace,
  };
}

/** What the socket does for its opening. */
export interface OpeningHost {
  create(name: string): Transport;
  /** Starts a timer; the function that is returned stops it. */
  after(callback: () => void, ms: number): () => void;
  /** A transport has received the first packet. All others are closed. */
  onWin(winner: Transport, packet: Packet): void;
  /** A transport has failed or closed; `isLast`: and none is left. */
  onLoss(loser: Transport, cause: Error | CloseDetails, isLast: boolean): void;
}

const TIMEOUT = new Error("timeout");

/**
 * Opens transports, one after another or side by side, until one of them receives a packet. A transport that is closed
 * while it opens closes its session as soon as it has one, so nothing stays behind on the server.
 *
 * @returns ends it without a winner
 */
export function startOpening(host: OpeningHost, { names, delay, isRace }: OpeningPlan): () => void {
  const runners = new Set<Transport>();
  let next = 0;
  let stopTimer = (): void => {};
  const stop = (winner?: Transport): void => {
    stopTimer();
    next = names.length;
    for (const runner of runners) {
      if (runner === winner) continue;
      runner.off();
      runner.close();
    }
    runners.clear();
  };
  const lose = (loser: Transport, cause: Error | CloseDetails): void => {
    loser.off();
    runners.delete(loser);
    if (next < names.length) run();
    host.onLoss(loser, cause, runners.size === 0);
  };
  const run = (): void => {
    stopTimer();
    const runner = host.create(names[next++]!);
    runners.add(runner);
    const unlisten = listen<TransportReservedEvents>(runner, {
      packet: (packet) => {
        unlisten();
        stop(runner);
        host.onWin(runner, packet);
      },
      error: (error) => lose(runner, error),
      close: (details) => lose(runner, details!),
    });
    if (delay && next < names.length) {
      stopTimer = host.after(() => {
        if (isRace) return run();
        lose(runner, TIMEOUT);
        runner.close();
      }, delay);
    }
    runner.open();
  };
  run();
  return stop;
}

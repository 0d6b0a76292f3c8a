import type { Packet } from "@portage/parser/engine";
import type { Transport } from "./transport.ts";

/** Milliseconds that the first transport is ahead. */
const HEAD_START = 300;

/** What the socket does for a race. */
export interface RaceHost {
  create(name: string): Transport;
  /** Starts a timer; the function that is returned stops it. */
  after(callback: () => void, ms: number): () => void;
  /** One has opened: this is its first packet. The others are closed. */
  onWin(winner: Transport, packet: Packet): void;
  /** One has failed; `isLast`: and no other is left. */
  onLoss(loser: Transport, error: unknown, isLast: boolean): void;
}

/**
 * Opens two transports, the second a moment after the first or when that fails; the first to receive a packet wins.
 * A loser that is still opening closes its session as soon as it has one.
 *
 * @returns ends the race without a winner
 */
export function startRace(host: RaceHost, first: string, second: string): () => void {
  const runners = new Set<Transport>();
  let waiting: string | undefined = second;
  const stop = (winner?: Transport): void => {
    waiting = undefined;
    stopTimer();
    for (const runner of runners) {
      runner.off();
      if (runner !== winner) runner.close();
    }
    runners.clear();
  };
  const lose = (loser: Transport, error: unknown): void => {
    loser.off();
    runners.delete(loser);
    startSecond();
    host.onLoss(loser, error, runners.size === 0);
  };
  const run = (name: string): void => {
    const runner = host.create(name);
    runners.add(runner);
    runner.on("packet", (packet) => {
      stop(runner);
      host.onWin(runner, packet);
    });
    runner.on("error", (error) => lose(runner, error));
    runner.on("close", (details) => lose(runner, details));
    runner.open();
  };
  const startSecond = (): void => {
    if (waiting) run(waiting);
    waiting = undefined;
  };
  const stopTimer = host.after(startSecond, HEAD_START);
  run(first);
  return () => stop();
}

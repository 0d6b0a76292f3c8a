import type { Clock } from "../base/clock.ts";
import { bounded } from "../base/numbers.ts";
import type { DrainPace } from "./relay/relay.ts";
import { type CloseReason, closeReason } from "./report/close-codes.ts";
import type { Session } from "./session/session.ts";

/** Options of `drain()`. */
export interface DrainOptions {
  /** Milliseconds until the remaining sessions are ended at once. Default 30000. `Infinity`: never. */
  deadline?: number;
  /** Sessions to end per second. Default: as many as the deadline requires. */
  rate?: number;
}

export const DRAIN_DEADLINE = 30_000;

/** Reconnection delay of clients that another process of a cluster can take at once, in milliseconds. */
const MOVE_DELAY = 500;

/** Milliseconds that a client has to connect, after its delay: it may have to try several times. */
const CONNECT_TIME = 4000;

/** Milliseconds between two groups of sessions. */
const STEP = 100;

/** The slowest and the fastest rate, in sessions per second. */
const [MIN_RATE, MAX_RATE] = [1e-3, 1e9];

/** Resolves when all sessions have ended. At the deadline, ends the remaining ones at once. */
function ended(sessions: readonly Session[], clock: Clock, deadline: number, why: CloseReason): Promise<void> {
  return new Promise((resolve) => {
    const left = new Set(sessions.filter(({ readyState }) => readyState !== "closed"));
    if (left.size === 0) return resolve();
    const timer = clock.after(deadline, () => {
      for (const session of left) session.close(true, why);
    });
    for (const session of left) {
      session.once("close", () => {
        left.delete(session);
        if (left.size > 0) return;
        timer.cancel();
        resolve();
      });
    }
  });
}

/** Closes a session gracefully, or at once if it has nothing queued and no poll to answer. */
function end(session: Session, why: CloseReason): void {
  const hasNothing = session.writeBuffer.length === 0;
  session.close(hasNothing && !session.transport.writable, why);
}

/** Ends sessions after sending their queues, or at the latest after `deadline` milliseconds. */
export function shutDown(sessions: readonly Session[], clock: Clock, deadline: number): Promise<void> {
  const why = closeReason("SERVER_SHUTDOWN");
  const done = ended(sessions, clock, deadline, why);
  for (const session of sessions) end(session, why);
  return done;
}

/** Returns the pace that the options of `drain()` ask for. */
export function paceOf(clock: Clock, options: DrainOptions): DrainPace {
  const deadline = bounded(options.deadline, 0, Infinity, DRAIN_DEADLINE);
  // Without a deadline, the rate is the same as with the default one.
  const time = Math.max(1, (deadline === Infinity ? DRAIN_DEADLINE : deadline) - STEP);
  return {
    deadline,
    each(items, act) {
      const rate = bounded(options.rate, MIN_RATE, MAX_RATE, (items.length * 1000) / time);
      const group = Math.max(1, Math.ceil((rate * STEP) / 1000));
      const pause = (group * 1000) / rate;
      let next = 0;
      const step = (): void => {
        for (const item of items.slice(next, next + group)) act(item);
        next += group;
        if (next < items.length) clock.after(pause, step);
      };
      step();
    },
  };
}

/** Returns the reconnection delay of clients that are moved away, in milliseconds: the option, if it is set. */
export function moveDelay(
  { retryAfter }: { readonly retryAfter?: number },
  usual: number,
  isInCluster: boolean,
): number {
  return isInCluster && retryAfter === undefined ? MOVE_DELAY : usual;
}

/** Returns the time after which all clients with that delay have come back, in milliseconds. They may double it. */
export const returnTime = (delay: number): number => 2 * delay + CONNECT_TIME;

/** Resolves when both are done. */
export function whenBoth(first: Promise<void>, second: Promise<void> | undefined): Promise<void> {
  return second === undefined ? first : Promise.all([first, second]).then(() => undefined);
}

/** Ends sessions in small groups. */
export function moveAway(sessions: readonly Session[], clock: Clock, pace: DrainPace): Promise<void> {
  const why = closeReason("SERVER_DRAINING");
  const done = ended(sessions, clock, pace.deadline, why);
  pace.each(sessions, (session) => session.close(false, why));
  return done;
}

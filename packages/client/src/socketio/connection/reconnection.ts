/*
 * How a manager keeps its connection: it listens to an open one, and opens it again after a failure, with growing delays.
 * Knows: of a manager what Reconnecting and Listening say.
 * Must not know: sockets and their events.
 */
import type { Emitter } from "../../emitter.ts";
import { after, type PageSignal, platform, readRetryAfter, type Session } from "../../engine/index.ts";
import type { NoEvents } from "../../typed-events.ts";
import type { Backoff, Restraint } from "./backoff.ts";
import type { ManagerReservedEvents } from "./events.ts";

/**
 * Where the reconnection is:
 *
 * - `idle`: nothing to do
 * - `waiting`: an attempt is due, `held`: due when the server said, `trying`: under way
 * - `postponed`: the program wants to connect, too soon after a failure
 * - `stopped`: no attempt is wanted until the connection is opened by hand
 */
export type Phase = "idle" | "waiting" | "held" | "trying" | "postponed" | "stopped";

/** A manager, as its reconnection sees it. Members that end with an underscore are not for programs. */
export interface Reconnecting extends Emitter<NoEvents, NoEvents, ManagerReservedEvents> {
  readonly backoff: Backoff;
  readonly restraint_: Restraint;
  readonly engine: Session;
  _readyState: "opening" | "open" | "closed";
  phase_: Phase;
  /** When the next attempt is due, in milliseconds since the epoch. */
  nextAttemptAt_: number | undefined;
  /** Undo what belongs to the current connection, or to the attempt that is due. */
  subs: (() => unknown)[];
  cleanup(): void;
  reconnectionAttempts(): number;
  /** Opens a connection. */
  connect_(): void;
  /** The connection could not be opened. */
  fail_(error: Error): void;
}

/** What a server has said: the close event of a WebSocket, or an answer. */
type Said = { readonly reason?: string; readonly responseText?: string } | undefined;
/** An error, or the details of a close, that may have it. */
type Failed = { readonly context?: unknown } | undefined;

/** The longest delay that a server may ask for, in milliseconds: an hour. */
const LONGEST_HINT = 3_600_000;

/**
 * When a server that refuses or ends a connection wants to be tried again. It may say so in the reason of a WebSocket's
 * close (1012 and 1013, `... retry-after=<ms>`), or in the body of an HTTP refusal (`{ "retryAfter": <ms> }`).
 *
 * @param context of a transport's error, or of the details of a close
 * @returns milliseconds; 0 if nothing was said
 * @example retryHint({ code: 1013, reason: "overloaded retry-after=2000" }) // 2000
 */
export const retryHint = (context: unknown): number =>
  Math.min(readRetryAfter((context as Said)?.reason || (context as Said)?.responseText), LONGEST_HINT);

/** Listeners have heard of a failure. Waits for the next attempt, unless one of them has seen to that. */
export function planAttempt(manager: Reconnecting, failure?: unknown): void {
  const { backoff } = manager;
  if (manager.phase_ !== "waiting" || manager.nextAttemptAt_) return;
  if (backoff.attempts >= manager.reconnectionAttempts()) {
    backoff.reset();
    manager.phase_ = "idle";
    manager["emitReserved"]("reconnect_failed");
    return;
  }
  const hint = retryHint((failure as Failed)?.context);
  const random = Math.random();
  // what the server asked for is not cut short by a page that comes into view
  waitFor(manager, hint ? "held" : "waiting", Math.max(hint * (1 + random), backoff.duration(random)));
}

export function waitFor(manager: Reconnecting, phase: Phase, delay: number): void {
  manager.cleanup();
  manager.phase_ = phase;
  manager.nextAttemptAt_ = Date.now() + delay;
  manager.subs.push(
    after(manager, delay, () => {
      // without a network no attempt can succeed: it is put off, and does not count
      if (isOffline(manager)) waitFor(manager, phase, delay);
      else if (manager.phase_ === phase) attempt(manager);
    }),
  );
}

function attempt(manager: Reconnecting): void {
  const isOwn = manager.phase_ !== "postponed";
  manager.phase_ = isOwn ? "trying" : "idle";
  if (isOwn) manager["emitReserved"]("reconnect_attempt", manager.backoff.attempts);
  if (manager._readyState !== "closed" || (isOwn && manager.phase_ !== "trying")) return;
  try {
    manager.connect_();
  } catch (error) {
    manager.fail_(error as Error);
  }
}

/** Something may have changed: an attempt that is due is made at once, and an open connection looked after. */
export function wakeUp(manager: Reconnecting): void {
  if (manager._readyState === "open") manager.engine.checkAlive();
  if (manager.phase_ === "waiting" && !isOffline(manager)) attempt(manager);
}

/** The page is back: it counts when it can be seen. */
export function wakeOnPage(manager: Reconnecting, signal: PageSignal): void {
  if (signal === "wake" && !platform<Document>("document")?.hidden) wakeUp(manager);
}

/** Whether the browser is offline, and the server is on another host. */
function isOffline({ engine }: Reconnecting): boolean {
  return platform<Navigator>("navigator")?.onLine === false && engine?.hostname !== "localhost";
}

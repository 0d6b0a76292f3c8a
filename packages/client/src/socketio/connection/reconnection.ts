/*
 * Reopens a manager's connection after a failure, with growing delays; listening.ts handles an open one.
 * Knows: a manager by the interfaces Reconnecting and Listening.
 * Must not know: sockets and their events.
 */
import type { Emitter } from "../../emitter.ts";
import { after, type PageSignal, readGlobal, readRetryAfter, type Session } from "../../engine/index.ts";
import type { NoEvents } from "../../typed-events.ts";
import type { Backoff, Restraint } from "./backoff.ts";
import type { ManagerReservedEvents } from "./events.ts";

/**
 * Phase of the reconnection:
 *
 * - `idle`: without an attempt to reconnect
 * - `waiting`: an attempt is scheduled
 * - `held`: an attempt is scheduled at the time that the server asked for
 * - `trying`: an attempt is under way
 * - `postponed`: the program wants to connect too soon after a failure; its attempt is scheduled
 * - `stopped`: the program closed the manager or switched reconnection off
 */
export type ReconnectionPhase = "idle" | "waiting" | "held" | "trying" | "postponed" | "stopped";

/** A manager, as its reconnection sees it. Members that end with an underscore are private to the client. */
export interface Reconnecting extends Emitter<NoEvents, NoEvents, ManagerReservedEvents> {
  readonly backoff: Backoff;
  readonly restraint_: Restraint;
  readonly engine: Session;
  _readyState: "opening" | "open" | "closed";
  phase_: ReconnectionPhase;
  /** Time of the next attempt, in milliseconds since the epoch. */
  nextAttemptAt_: number | undefined;
  /** Cleanup functions of the current connection or the scheduled attempt. */
  subs: (() => unknown)[];
  cleanup(): void;
  reconnectionAttempts(): number;
  /** Opens a connection. */
  connect_(): void;
  /** Handles a failure to open the connection. */
  fail_(error: Error): void;
}

/** A message of the server: the close event of a WebSocket, or an HTTP answer. */
type Said = { readonly reason?: string; readonly responseText?: string } | undefined;
/** An error or close details, which may contain such a message. */
type Failed = { readonly context?: unknown } | undefined;

/** The longest delay that a server may ask for: an hour, in milliseconds. */
const LONGEST_HINT = 3_600_000;

/**
 * Returns the delay that a server asks for when it refuses or ends a connection. It is in the reason of a WebSocket close
 * (1012 and 1013, `... retry-after=<ms>`), or in the body of an HTTP refusal (`{ "retryAfter": <ms> }`).
 *
 * @param context the context of a transport's error or of close details
 * @returns milliseconds; 0 without a hint
 * @example retryHint({ code: 1013, reason: "overloaded retry-after=2000" }) // 2000
 */
export const retryHint = (context: unknown): number =>
  Math.min(readRetryAfter((context as Said)?.reason || (context as Said)?.responseText), LONGEST_HINT);

/** Schedules the next attempt after a failure, unless a listener has already done so. */
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
  // a page that comes into view must not shorten the server's delay
  waitFor(manager, hint ? "held" : "waiting", Math.max(hint * (1 + random), backoff.duration(random)));
}

export function waitFor(manager: Reconnecting, phase: ReconnectionPhase, delay: number): void {
  manager.cleanup();
  manager.phase_ = phase;
  manager.nextAttemptAt_ = Date.now() + delay;
  manager.subs.push(
    after(manager, delay, () => {
      // an offline browser postpones the attempt, which does not count
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

/** Starts a scheduled attempt at once, or checks an open connection. */
export function wakeUp(manager: Reconnecting): void {
  if (manager._readyState === "open") manager.engine.checkAlive();
  if (manager.phase_ === "waiting" && !isOffline(manager)) attempt(manager);
}

/** Wakes the manager when the page is back and visible. */
export function wakeOnPage(manager: Reconnecting, signal: PageSignal): void {
  if (signal === "wake" && !readGlobal<Document>("document")?.hidden) wakeUp(manager);
}

/** Whether the browser is offline, and the server is on another host. */
function isOffline({ engine }: Reconnecting): boolean {
  return readGlobal<Navigator>("navigator")?.onLine === false && engine?.hostname !== "localhost";
}

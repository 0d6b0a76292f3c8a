/*
 * What a session sees of the parts that not every session has: the one that opens it, the one that upgrades it.
 */

/** The part of a session that finds its first transport. */
export interface SessionOpening {
  /** Closes all candidates: the session has ended, and emits `close` next. */
  end_(): void;
}

/** The part of a session that moves it to a better transport. */
export interface SessionUpgrade {
  /** Whether the session must not send now, because the transport is about to change. */
  readonly isHolding_: boolean;
  /** Starts to upgrade an open session to one of the transports that the server offers. */
  begin_(offered: readonly string[]): void;
  /** Closes the candidate: the session has ended, and emits `close` next. */
  end_(): void;
}

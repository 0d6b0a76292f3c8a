/*
 * What a session sees of its parts: the one that opens it, the one that upgrades it, the one that carries it.
 */
import type { Packet } from "@portage/parser/engine";
import type { CarryAgreement } from "./options.ts";
import type { CloseDetails } from "./transports/transport.ts";

/** The part of a session that finds its first transport. */
export interface SessionOpening {
  /** Closes all candidates: the session has ended, and emits `close` next. */
  end_(): void;
}

/** The part of a session that takes it through the death of a transport. */
export interface SessionCarry {
  /** Whether the session has no transport. */
  readonly isHolding_: boolean;
  /** Parameters of the next request. */
  readonly query_: object;
  /** The server agrees. */
  agree_(agreement: CarryAgreement): void;
  /** The count for a pong. */
  report_(): string | undefined;
  /** A packet has arrived. */
  hear_(packet: Packet): void;
  /** The transport has accepted packets. */
  sent_(packets: readonly Packet[]): void;
  /** The transport has died. Returns whether the session goes on. */
  lose_(reason: string, details?: CloseDetails | Error): boolean;
  /** The session has ended. */
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

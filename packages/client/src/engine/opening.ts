/*
 * Finds the first transport of a session. A transport is untried (in `#names`), opening (in `#transports`), discarded, or
 * the winner: the first to receive a packet.
 *
 * Invariants between calls:
 * - The opening handles the events of the transports in `#transports` only. Only a race has more than one.
 * - `host.transport` is the transport opened last, or the winner.
 * - At most one timer runs. It starts the next transport; a winner or the end stops it.
 * - The session fails once `#transports` is empty and the strategy has not started another one, with the last cause.
 *
 * A loser that is closed but not discarded would report a second failure and start a surplus transport. A winner left in
 * `#transports` would be closed with the losers.
 */
import { endAttempt } from "./diagnosis.ts";
import { after } from "./platform/timers.ts";
import type { Session } from "./session.ts";
import type { SessionOpening } from "./session-parts.ts";
import {
  type CloseDetails,
  discard,
  type Transport,
  type TransportError,
  type TransportEvent,
  type TransportHandler,
} from "./transports/transport.ts";

/**
 * Order of the attempts to open a session:
 *
 * - `alone`: the first transport only; the next one if the platform can't run the first
 * - `in turn`: the next transport after a failure, or after `upgradeTimeout` without a packet
 * - `race`: side by side, each 300 ms after the previous one, or as soon as that has failed
 */
export type Strategy = "alone" | "in turn" | "race";

/** Milliseconds between the starts of two transports in a race. */
const HEAD_START = 300;

/** The session, as its opening sees it. */
export interface OpeningHost extends Session {
  createTransport(name: string): Transport;
  /** Remembers that the transport of this name works. */
  remember_(name: string): void;
}

/**
 * Opens transports until one of them receives a packet. Discarded transports close their session on the server, if they
 * get one.
 */
export class Opening implements SessionOpening, TransportHandler {
  readonly #host: OpeningHost;
  readonly #names: string[];
  readonly #strategy: Strategy;
  /** Transports that are opening. */
  readonly #transports = new Set<Transport>();
  #stopTimer: (() => void) | undefined;

  /** @param names transports to try, in order */
  constructor(host: OpeningHost, names: string[], strategy: Strategy) {
    this.#host = host;
    this.#names = names;
    this.#strategy = strategy;
  }

  /** Opens the next transport. */
  next_(): void {
    const host = this.#host;
    this.#stopTimer?.();
    const transport = host.createTransport(this.#names.shift()!);
    host.transport = transport;
    this.#transports.add(transport);
    const isRace = this.#strategy === "race";
    const patience = isRace ? HEAD_START : host.opts.upgradeTimeout!;
    if (this.#strategy !== "alone" && patience && this.#names.length) {
      this.#stopTimer = after(host, patience, () => {
        if (isRace) this.next_();
        else this.#lose(transport, new Error("timeout"));
      });
    }
    host.launch_(transport, "open", this);
  }

  onTransport_(event: TransportEvent, value: unknown, transport: Transport): void {
    if (event === "packet") {
      this.#win(transport);
      this.#host.onTransport_(event, value);
    } else if (event === "error" || event === "close") this.#lose(transport, value as Error | CloseDetails);
  }

  #win(transport: Transport): void {
    const host = this.#host;
    this.#transports.delete(transport);
    this.end_();
    host.opening_ = undefined;
    host.remember_(transport.name);
    host.use_(transport);
  }

  /** Discards a transport that has failed or exceeded its time, and goes on with the next one. */
  #lose(transport: Transport, cause: Error | CloseDetails): void {
    const host = this.#host;
    endAttempt(transport, "failed", cause);
    discard(transport);
    this.#transports.delete(transport);
    host.transports = host.transports.filter((name) => name !== transport.name);
    const goesOn = this.#strategy !== "alone" || (cause as TransportError).code === "TRANSPORT_UNAVAILABLE";
    if (goesOn && this.#names.length) this.next_();
    else if (this.#transports.size) return;
    else if (cause instanceof Error) host._onError(cause);
    else host.end_("transport close", cause);
  }

  end_(): void {
    this.#stopTimer?.();
    for (const transport of this.#transports) discard(transport);
  }
}

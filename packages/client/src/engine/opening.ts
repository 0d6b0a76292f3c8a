import { endAttempt } from "./diagnosis.ts";
import { after } from "./platform/timers.ts";
import type { Session, SessionOpening } from "./session.ts";
import {
  type CloseDetails,
  discard,
  type Transport,
  type TransportError,
  type TransportEvent,
  type TransportHandler,
} from "./transports/transport.ts";

/**
 * How a session comes to its first transport:
 *
 * - `alone`: the first one is all there is. The next one takes its place where the platform has nothing that it could
 *   work with
 * - `in turn`: a failure, or silence for `upgradeTimeout`, makes it the next one's turn
 * - `race`: side by side, each a moment after the one before, or at once when that has failed
 */
export type Strategy = "alone" | "in turn" | "race";

/** Milliseconds between two transports that race. */
const HEAD_START = 300;

/** The session, as its opening sees it. */
export interface OpeningHost extends Session {
  /** Names of the transports that are left to try, now or in an upgrade. */
  transports: string[];
  createTransport(name: string): Transport;
  /** The transport of this name works. */
  remember_(name: string): void;
}

/**
 * Opens transports, one after another or side by side, until one of them receives a packet. A transport that is closed
 * while it opens closes its session as soon as it has one, so nothing stays behind on the server.
 */
export class Opening implements SessionOpening, TransportHandler {
  readonly #host: OpeningHost;
  readonly #names: string[];
  readonly #strategy: Strategy;
  /** Those that are opening. */
  readonly #transports = new Set<Transport>();
  #stopTimer: (() => void) | undefined;

  /** @param names of the transports to try, in order */
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

  /** A transport has failed, or takes too long. */
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

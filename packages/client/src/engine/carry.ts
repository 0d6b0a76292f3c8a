/*
 * How the session survives the death of its transport: it goes adrift, returns over another transport, and both ends send
 * again what the other has not received (`Ledger`). The server's side, with a picture of the exchange, is the folder
 * `carry` of its engine.
 *
 * Invariants between calls:
 * - In `steady` the session has a transport. Else it has none, `isHolding_` blocks its `flush`, and a timer runs: until the
 *   next try in `lost`, for the limit of the try in `returning`.
 * - Each try has a turn of its own, so that the server can tell late requests of an earlier one.
 * - A message is in the write buffer until a transport takes it, then in the ledger until the server confirms it.
 *
 * Transports that were left are dropped in silence: a close packet or a close frame would end the session. One that still
 * stands, such as a WebSocket that lets nothing through, is closed after the return.
 */
import { asksForCount, Ledger, type Packet, readCount } from "@portage/parser/engine";
import { endAttempt, type Purpose } from "./diagnosis.ts";
import type { CarryAgreement } from "./options.ts";
import { after } from "./platform/timers.ts";
import {
  type CloseDetails,
  discard,
  type Transport,
  type TransportError,
  type TransportEvent,
  type TransportHandler,
} from "./transports/transport.ts";

/**
 * - `steady`: a transport carries the session
 * - `lost`: it has died; the next try is due
 * - `returning`: a try is under way
 * - `ended`: the session is over
 */
export type CarryPhase = "steady" | "lost" | "returning" | "ended";

/** The transport dies, the next try begins, the server takes it, it fails, the session ends. */
export type CarrySignal = "lose" | "try" | "arrive" | "fail" | "end";

/** The next phase by signal; signals without an entry are ignored. Walked cell by cell in the tests. */
export const CARRY_TABLE: Readonly<Record<CarryPhase, Readonly<Partial<Record<CarrySignal, CarryPhase>>>>> = {
  steady: { lose: "lost", end: "ended" },
  lost: { try: "returning", end: "ended" },
  returning: { arrive: "steady", fail: "lost", end: "ended" },
  ended: {},
};

/** The session, as its carry sees it. */
export interface CarryHost {
  /** Whether the program has not closed it. */
  readonly isAlive_: boolean;
  /** The transport in use, or the last dead one. */
  readonly transport: Transport;
  /** Names of the transports that the client has. */
  readonly transports: readonly string[];
  /** Milliseconds for which no WebSocket is tried. */
  calm_(): number;
  createTransport(name: string): Transport;
  launch_(transport: Transport, purpose: Purpose, handler: TransportHandler): void;
  /** Handles a death, by {@link Carry.lose_} first. */
  fail_(reason: string, details?: CloseDetails | Error): void;
  /** Leaves the transport, which has died. */
  leave_(reason: string, details?: CloseDetails | Error): void;
  /** Goes on over a transport; sends these packets first. */
  resume_(transport: Transport, lost: readonly Packet[]): void;
  _sendPacket(type: "noop", data: string): void;
}

/** Unconfirmed messages that are kept. Beyond that the session goes on, and may not survive a death. */
const LIMITS = { maxBytes: 4_194_304, maxPackets: 8192 };

/** Milliseconds from one try to the next. */
const RETRY = 300;

const SILENCE = "ping timeout";

/** Deaths in a row without a message or an answer in between, after which the session ends: with several transports, with one. */
const MAX_FUTILE = 8;
const MAX_FUTILE_ALONE = 3;

/** Milliseconds after which the server is asked about unconfirmed messages, or about its silence. */
const QUIET = 3000;

/** Milliseconds for the answer. */
const ANSWER = 2000;

/** Milliseconds for one try to return, at most. */
const LONGEST_TRY = 10_000;

/** Milliseconds of silence that are not asked about: after a message the client asks for less than a minute. */
const LONG_QUIET = 30_000;

/** Milliseconds after which a silence is the first in a row. */
const BUSY = 60_000;

/** Milliseconds after which another death is the first in a row: an idle session may be cut again and again. */
const APART = 1000;

/** Silent transports in a row that a client with one transport leaves, once the server has received something. */
const TRUST = 2;

const sizeOf = (data: unknown): number => {
  const { length, byteLength = length, size = byteLength } = Object(data) as Record<string, number | undefined>;
  return size ?? 0;
};

export class Carry implements TransportHandler {
  phase_: CarryPhase = "steady";
  /** Each try has one of its own. */
  turn_ = 0;
  readonly #host: CarryHost;
  readonly #agreement: CarryAgreement;
  readonly #ledger = new Ledger<Packet>(LIMITS, ({ data }) => sizeOf(data));
  /** Tries since the last death. */
  #tries = 0;
  /** Deaths in a row since the last message or answer of the server. */
  #futile = 0;
  /** Why the last transport died, and when. */
  #cause!: readonly [reason: string, details: CloseDetails | Error | undefined];
  #lostAt = 0;
  /** Transports that were left and may still stand; the last one belongs to the try under way. */
  #left: Transport[] = [];
  /** Stops the timer of the phase: the watch in `steady`. */
  #stopTimer: (() => void) | undefined;
  /** When the oldest unconfirmed message was sent, and when the last packet arrived. */
  #sentAt = 0;
  #heardAt = 0;
  /** When the server was asked for its count; 0 while it owes none. */
  #askedAt = 0;
  /** Milliseconds of silence after which the server is asked. Doubles with each question, until the next message. */
  #quiet = Infinity;
  /** Characters or bytes of the largest message received: one like it may be on its way. */
  #largest = 0;
  #buffered = 0;
  /** Silent transports that may still be left; {@link TRUST} each time that the server confirms a message or answers. */
  #trust = 0;

  /** Made once the server has agreed, in the handshake. */
  constructor(host: CarryHost, agreement: CarryAgreement) {
    this.#host = host;
    this.#agreement = agreement;
    this.#settle(host.transport);
  }

  /** Whether the session has no transport. */
  get isHolding_(): boolean {
    return this.phase_ !== "steady";
  }

  /** The requests of a transport in use have the turn alone. */
  #settle({ query }: Transport): void {
    delete query["carry"];
    delete query["key"];
    query["turn"] = this.turn_;
  }

  // ---- counting ----------------------------------------------------------------------------------------------------

  /** Returns the count for a pong or a noop. */
  report_(): string {
    return "" + this.#ledger.report();
  }

  /** A packet has arrived. */
  hear_({ type, data }: Packet): void {
    let isDue: boolean;
    this.#heardAt = Date.now();
    if (type === "message") {
      const size = sizeOf(data);
      this.#futile = 0;
      this.#quiet = QUIET;
      this.#largest = Math.max(this.#largest, size);
      isDue = this.#ledger.received(size);
    } else {
      const count = readCount(data);
      if (this.#ledger.confirm(count) || (this.#askedAt && count === this.#ledger.total)) {
        this.#trust = TRUST;
        this.#askedAt = this.#futile = 0;
        this.#sentAt = this.#heardAt;
      }
      isDue = asksForCount(data);
    }
    if (isDue) this.#host._sendPacket("noop", this.report_());
    this.#watch();
  }

  /** The transport has accepted packets. */
  sent_(packets: readonly Packet[]): void {
    for (const packet of packets) {
      if (packet.type === "message") {
        if (!this.#ledger.unconfirmed) {
          this.#sentAt = Date.now();
          // it waits for longer on a quiet connection
          this.#stop();
        }
        this.#ledger.sent(packet);
      }
    }
    this.#watch();
  }

  // ---- silence -----------------------------------------------------------------------------------------------------

  /** Looks at the transport when it will have been silent for too long. Requests have ends of their own. */
  #watch(): void {
    const host = this.#host;
    if (this.#stopTimer || this.isHolding_ || host.transport.buffered_ == null) return;
    const due = this.#due();
    if (due < Infinity) {
      this.#stopTimer = after(host, due - Date.now(), () => {
        this.#stopTimer = undefined;
        if (Date.now() >= this.#due()) this.#look();
        this.#watch();
      });
    }
  }

  /** When the server has to be asked, or has to have answered. */
  #due(): number {
    const { unconfirmed, unconfirmedBytes } = this.#ledger;
    if (this.#askedAt) {
      // the time that opening took stands for four round trips; a slow line takes 64 bytes a millisecond
      const trips = this.#host.transport.attempt_?.took ?? 0;
      return this.#askedAt + ANSWER + trips + (unconfirmedBytes + this.#largest) / 64;
    }
    return Math.min(
      unconfirmed ? this.#sentAt + QUIET : Infinity,
      this.#quiet < LONG_QUIET ? this.#heardAt + this.#quiet : Infinity,
    );
  }

  #look(): void {
    const host = this.#host;
    const { buffered_ } = host.transport;
    const wasAsked = this.#askedAt;
    if (wasAsked && (!buffered_ || buffered_ >= this.#buffered)) {
      host.fail_(SILENCE, { description: "silence of the server" });
    } else {
      // what is still leaving shows that the network takes it
      this.#askedAt = Date.now();
      if (!wasAsked) {
        this.#quiet *= 2;
        host._sendPacket("noop", this.report_() + "?");
      }
      this.#buffered = host.transport.buffered_!;
    }
  }

  // ---- death and return --------------------------------------------------------------------------------------------

  /** The transport has died. Returns whether the session goes on. */
  lose_(reason: string, details?: CloseDetails | Error): boolean {
    if (this.isHolding_) return this.phase_ !== "ended";
    const host = this.#host;
    const { transport, transports } = host;
    const isAlone = transports.length < 2;
    const now = Date.now();
    if (now - this.#lostAt > (reason === SILENCE ? BUSY : APART)) this.#futile = 0;
    if (!isAccident(reason, details) || this.#futile >= (isAlone ? MAX_FUTILE_ALONE : MAX_FUTILE)) return false;
    // a server that does not receive anything would be as deaf to the next transport of the same kind
    if (reason === SILENCE && isAlone && this.#trust-- < 1) return false;
    this.#signal("lose");
    this.#cause = [reason, details];
    this.#lostAt = now;
    this.#tries = 0;
    host.leave_(reason, details);
    transport.drop_();
    this.#left.push(transport);
    this.#wait(this.#futile++ ? RETRY : 0);
    return true;
  }

  #wait(ms: number): void {
    this.#stopTimer = after(this.#host, ms, () => {
      // a clock that was set back must not prolong it
      if (Math.abs(Date.now() - this.#lostAt) > this.#agreement.window) this.#giveUp();
      else this.#try();
    });
  }

  #try(): void {
    const host = this.#host;
    const { key, window } = this.#agreement;
    this.#signal("try");
    this.turn_++;
    // polling is the first by name: what has cut a WebSocket may cut the next one; behind others only a WebSocket works
    const names = [...host.transports].sort();
    const transport = host.createTransport(
      names[this.#tries++ % (host.calm_() && names[0] !== "websocket" ? 1 : names.length)]!,
    );
    Object.assign(transport.query, { carry: this.#ledger.report(), key });
    this.#left.push(transport);
    // a slow line opens slowly; a second try must still fit into the window
    const patience = (ANSWER / 2) * 2 ** this.#tries + (host.transport.attempt_?.took ?? 0);
    this.#stopTimer = after(host, Math.min(patience, LONGEST_TRY, window / 2), () =>
      this.#fail(transport, { description: "timeout" }),
    );
    host.launch_(transport, "carry", this);
  }

  onTransport_(event: TransportEvent, value: unknown, transport: Transport): void {
    if (event === "packet") {
      const { type, data } = value as Packet;
      const count = readCount(data);
      if (type === "noop" && count >= 0) this.#arrive(transport, count);
      else this.#fail(transport);
    } else if (event === "error" || event === "close") this.#fail(transport, value as Error);
  }

  #arrive(transport: Transport, count: number): void {
    const lost = this.#ledger.rewind(count);
    endAttempt(transport, "carried");
    // the server has messages that this client never sent, or lacks some that are not kept
    if (!lost) return this.#giveUp();
    this.#signal("arrive");
    this.#settle(transport);
    this.#heardAt = Date.now();
    this.#askedAt = 0;
    this.#left.pop();
    this.#discard();
    this.#host.resume_(transport, lost);
    this.#watch();
  }

  #fail(transport: Transport, cause?: Error | CloseDetails): void {
    endAttempt(transport, "failed", cause);
    transport.drop_();
    this.#signal("fail");
    // over WebSocket a server of Portage says so in a close frame, as browsers hide the status
    const { status, code } = answerOf(cause);
    // a session that was closed only has its last packets to send
    if (status === 400 || code === 1008 || !this.#host.isAlive_) this.#giveUp();
    else this.#wait(RETRY);
  }

  /** Ends the session for the reason for which its transport died. */
  #giveUp(): void {
    this.#signal("end");
    this.#host.fail_(...this.#cause);
  }

  /** The session has ended. */
  end_(): void {
    this.#signal("end");
    for (const left of this.#left) this.#settle(left);
    this.#discard();
  }

  #discard(): void {
    for (const left of this.#left.splice(0)) discard(left);
  }

  #signal(signal: CarrySignal): void {
    this.phase_ = CARRY_TABLE[this.phase_][signal] ?? this.phase_;
    this.#stop();
  }

  #stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

/** The answer to a failed request, or the close event of a WebSocket. */
interface Answer {
  readonly status?: number;
  readonly code?: number;
  readonly responseText?: string;
}

const answerOf = (cause: unknown): Answer => Object((cause as TransportError | undefined)?.context) as Answer;

/** Whether a transport has died by accident. Other ends are meant, or would come again. */
function isAccident(reason: string, details: CloseDetails | Error | undefined): boolean {
  const { code, description } = Object(details) as Partial<CloseDetails>;
  const { status, code: closeCode, responseText } = answerOf(details);
  if (reason === "transport close") {
    // 1002: frames were altered on the way
    return closeCode === 1006 || closeCode === 1002 || description === "network connection lost";
  }
  return code !== "PAYLOAD_TOO_LARGE" && !(status === 400 && /"code":1\b/.test(responseText!));
}

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
import { endAttempt, noteDeath } from "./diagnosis.ts";
import type { CarryAgreement } from "./options.ts";
import { after } from "./platform/timers.ts";
import type { Session } from "./session.ts";
import type { SessionCarry } from "./session-parts.ts";
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
export interface CarryHost extends Session {
  /** Names of the transports that the client has. */
  transports: string[];
}

/** Unconfirmed messages that are kept. Beyond that the session goes on, and may not survive a death. */
const LIMITS = { maxBytes: 4_194_304, maxPackets: 8192 };

/** Milliseconds from one try to the next. */
const RETRY = 300;

const SILENCE = "ping timeout";

/** Deaths in a row without a message in between, after which the session ends: with several transports, with one. */
const MAX_FUTILE = 8;
const MAX_FUTILE_ALONE = 3;

/** Milliseconds after which the server is asked about unconfirmed messages, or about its silence. */
const QUIET = 3000;

/** Milliseconds for the answer. */
const ANSWER = 2000;

/** Milliseconds for one try to return, at most. */
const LONGEST_TRY = 10_000;

/** Milliseconds for which a connection counts as busy after a message, and after which a silence is the first in a row. */
const BUSY = 60_000;

/** Milliseconds after which another death is the first in a row: an idle session may be cut again and again. */
const APART = 1000;

/** Silent transports in a row that a client with one transport leaves, once the server has received something. */
const TRUST = 2;

const sizeOf = (data: unknown): number => {
  const { length, byteLength = length, size = byteLength } = Object(data ?? "") as Record<string, number | undefined>;
  return size ?? 0;
};

export class Carry implements SessionCarry, TransportHandler {
  phase_: CarryPhase = "steady";
  readonly #host: CarryHost;
  readonly #ledger = new Ledger<Packet>(LIMITS, ({ data }) => sizeOf(data));
  #agreement: CarryAgreement | undefined;
  #turn = 0;
  /** Tries since the last death. */
  #tries = 0;
  /** Deaths in a row since the last message that was received or confirmed. */
  #futile = 0;
  /** Why the last transport died, and when. */
  #cause: readonly [reason: string, details: CloseDetails | Error | undefined] = ["", undefined];
  #lostAt = 0;
  /** The transport of the try under way. */
  #candidate: Transport | undefined;
  /** Transports that were left and may still stand. */
  #left: Transport[] = [];
  #stopTimer: (() => void) | undefined;
  #stopWatch: (() => void) | undefined;
  /** When the oldest unconfirmed message was sent, when the last packet and the last message arrived. */
  #sentAt = 0;
  #heardAt = 0;
  #busyAt = -Infinity;
  /** When the server was asked for its count; 0 while it owes none. */
  #askedAt = 0;
  /** The count that answers: all that was sent before the question. */
  #asked = 0;
  /** Milliseconds of silence after which the server is asked. Doubles with each answer, until the next message. */
  #quiet = QUIET;
  /** Characters or bytes of the largest message received: one like it may be on its way. */
  #largest = 0;
  #buffered = 0;
  /** Silent transports that may still be left; {@link TRUST} each time that the server confirms a message or answers. */
  #trust = 0;

  constructor(host: CarryHost) {
    this.#host = host;
  }

  get isHolding_(): boolean {
    return this.phase_ !== "steady";
  }

  get query_(): object {
    if (!this.#agreement) return { carry: 1 };
    const turn = this.#turn;
    return this.phase_ === "returning" ? { carry: this.#ledger.report(), key: this.#agreement.key, turn } : { turn };
  }

  agree_(agreement: CarryAgreement): void {
    this.#agreement = agreement;
    this.#settle(this.#host.transport);
  }

  /** The requests of a transport in use have the turn alone. */
  #settle({ query }: Transport): void {
    delete query["carry"];
    delete query["key"];
    query["turn"] = this.#turn;
  }

  // ---- counting ----------------------------------------------------------------------------------------------------

  report_(): string | undefined {
    return this.#agreement && "" + this.#ledger.report();
  }

  hear_({ type, data }: Packet): void {
    const host = this.#host;
    this.#heardAt = Date.now();
    if (type === "message") {
      const size = sizeOf(data);
      this.#futile = 0;
      this.#quiet = QUIET;
      this.#busyAt = this.#heardAt;
      this.#largest = Math.max(this.#largest, size);
      if (this.#ledger.received(size) && this.#agreement) host._sendPacket("noop", this.report_());
    } else {
      const count = readCount(data);
      if (this.#askedAt && count >= this.#asked) {
        this.#askedAt = 0;
        this.#quiet *= 2;
        this.#trust = TRUST;
      }
      if (this.#ledger.confirm(count)) {
        this.#trust = TRUST;
        this.#futile = 0;
        this.#sentAt = this.#heardAt;
      }
      if (type === "noop" && asksForCount(data)) host._sendPacket("noop", this.report_());
    }
    if (this.#agreement) this.#watch();
  }

  sent_(packets: readonly Packet[]): void {
    for (const packet of packets) {
      if (packet.type === "message") {
        if (!this.#ledger.unconfirmed) {
          this.#sentAt = Date.now();
          // it waits for longer on a quiet connection
          this.#unwatch();
        }
        this.#ledger.sent(packet);
      }
    }
    if (this.#agreement) this.#watch();
  }

  // ---- silence -----------------------------------------------------------------------------------------------------

  /** Looks at the transport when it will have been silent for too long. Requests have ends of their own. */
  #watch(): void {
    const host = this.#host;
    if (this.#stopWatch || this.isHolding_ || host.transport.buffered_ == null) return;
    const due = this.#due();
    if (due < Infinity) {
      this.#stopWatch = after(host, due - Date.now(), () => {
        this.#stopWatch = undefined;
        if (Date.now() >= this.#due()) this.#look();
        this.#watch();
      });
    }
  }

  #unwatch(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  /** When the server has to be asked, or has to have answered. */
  #due(): number {
    const { unconfirmed, unconfirmedBytes } = this.#ledger;
    if (this.#askedAt) {
      // the time that opening took stands for four round trips; a slow line takes 64 bytes a millisecond
      const trips = this.#host.transport.attempt_?.took ?? 0;
      return this.#askedAt + ANSWER + trips + (unconfirmedBytes + this.#largest) / 64;
    }
    const quiet = this.#heardAt + this.#quiet;
    return Math.min(unconfirmed ? this.#sentAt + QUIET : Infinity, quiet - this.#busyAt < BUSY ? quiet : Infinity);
  }

  #look(): void {
    const host = this.#host;
    const { buffered_ } = host.transport;
    if (this.#askedAt && (!buffered_ || buffered_ >= this.#buffered)) {
      host.fail_(SILENCE, { description: "silence: the server does not answer over this transport" });
    } else {
      // what is still leaving shows that the network takes it
      if (!this.#askedAt) {
        this.#asked = this.#ledger.total;
        host._sendPacket("noop", this.report_() + "?");
      }
      this.#askedAt = Date.now();
      this.#buffered = host.transport.buffered_ ?? 0;
    }
  }

  // ---- death and return --------------------------------------------------------------------------------------------

  lose_(reason: string, details?: CloseDetails | Error): boolean {
    const host = this.#host;
    if (!this.#agreement || this.phase_ === "ended" || !isAccident(reason, details)) return false;
    // a server that does not receive anything would be as deaf to the next transport of the same kind
    if (reason === SILENCE && host.transports.length < 2 && this.#trust-- < 1) return false;
    if (this.#signal("lose")) {
      host.recordDeath_(reason, details);
      this.#cause = [reason, details];
      const now = Date.now();
      if (now - this.#lostAt > (reason === SILENCE ? BUSY : APART)) this.#futile = 0;
      this.#lostAt = now;
      this.#tries = 0;
      const { transport } = host;
      noteDeath(transport, details ?? { description: reason });
      host.leave_();
      transport.drop_();
      this.#left.push(transport);
      if (this.#futile++ < (host.transports.length > 1 ? MAX_FUTILE : MAX_FUTILE_ALONE))
        this.#wait(this.#futile > 1 ? RETRY : 0);
      else this.#giveUp();
    }
    return true;
  }

  #wait(ms: number): void {
    this.#stopTimer?.();
    this.#stopTimer = after(this.#host, ms, () => {
      // a clock that was set back must not prolong it
      if (Math.abs(Date.now() - this.#lostAt) > this.#agreement!.window) this.#giveUp();
      else this.#try();
    });
  }

  #try(): void {
    const host = this.#host;
    if (!this.#signal("try")) return;
    // a proxy that has cut a WebSocket may cut the next one; behind others only a WebSocket works
    const names = [...host.transports].sort((a, b) => +(a === "websocket") - +(b === "websocket"));
    this.#turn++;
    const transport = host.createTransport(names[this.#tries++ % (host.calm_() ? 1 : names.length)]!);
    this.#candidate = transport;
    // a slow line opens slowly; a second try must still fit into the window
    const patience = (ANSWER / 2) * 2 ** this.#tries + (host.transport.attempt_?.took ?? 0);
    this.#stopTimer = after(host, Math.min(patience, LONGEST_TRY, this.#agreement!.window / 2), () =>
      this.#fail(transport, { description: "timeout" }),
    );
    host.launch_(transport, "carry", this);
  }

  onTransport_(event: TransportEvent, value: unknown, transport: Transport): void {
    if (event === "packet") {
      const count = readCount((value as Packet).data);
      if ((value as Packet).type === "noop" && count >= 0) this.#arrive(transport, count);
      else this.#fail(transport);
    } else if (event === "error" || event === "close") this.#fail(transport, value as Error);
  }

  #arrive(transport: Transport, count: number): void {
    const host = this.#host;
    if (!this.#signal("arrive")) return;
    this.#candidate = undefined;
    const lost = this.#ledger.rewind(count);
    endAttempt(transport, "carried");
    this.#settle(transport);
    const from = host.transport.name;
    this.#heardAt = this.#sentAt = Date.now();
    this.#askedAt = this.#buffered = 0;
    host.use_(transport);
    for (const left of this.#left.splice(0)) discard(left);
    // the server has messages that this client never sent, or lacks some that are not kept
    if (!lost) return this.#giveUp();
    host.resume_(lost);
    this.#watch();
    host["emitReserved"]("carried", from, transport.name);
  }

  #fail(transport: Transport, cause?: Error | CloseDetails): void {
    this.#candidate = undefined;
    endAttempt(transport, "failed", cause);
    transport.drop_();
    this.#left.push(transport);
    if (!this.#signal("fail")) return;
    // over WebSocket a server of Portage says so in a close frame, as browsers hide the status
    const { status, code } = answerOf(cause);
    if (status === 400 || code === 1008) this.#giveUp();
    else this.#wait(RETRY);
  }

  /** Ends the session for the reason for which its transport died. */
  #giveUp(): void {
    const [reason, details] = this.#cause;
    if (reason === "transport error") this.#host._onError(details as Error);
    else this.#host.end_(reason, details);
  }

  end_(): void {
    this.#signal("end");
    if (this.#candidate) {
      this.#settle(this.#candidate);
      this.#left.push(this.#candidate);
    }
    for (const left of this.#left.splice(0)) discard(left);
  }

  /** @returns whether the signal has a meaning in this phase */
  #signal(signal: CarrySignal): boolean {
    const next = CARRY_TABLE[this.phase_][signal];
    if (!next) return false;
    this.phase_ = next;
    this.#stopTimer?.();
    this.#unwatch();
    return true;
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
  const { code, context, description } = Object(details) as Partial<CloseDetails>;
  const { status, code: closeCode, responseText } = answerOf(details);
  // 1002: frames were altered on the way
  if (reason === "transport close")
    return context ? closeCode === 1006 || closeCode === 1002 : description === "network connection lost";
  return code !== "PAYLOAD_TOO_LARGE" && !(status === 400 && /"code":1\b/.test(responseText!));
}

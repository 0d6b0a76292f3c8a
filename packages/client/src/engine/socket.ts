import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { splitArguments } from "../arguments.ts";
import { type Breakdowns, pauseLeft, recordEnd } from "./calm.ts";
import { beginAttempt, endAttempt, type Noted, type Purpose } from "./diagnosis.ts";
import { chooseTransports } from "./transports/index.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import { Opening, type OpeningHost } from "./opening.ts";
import type { RawData, SocketOptions, TransportCtor, WriteOptions } from "./options.ts";
import { type SentCallback, Session } from "./session.ts";
import type { CloseDetails, Transport } from "./transports/transport.ts";
import { Upgrade, type UpgradeHost } from "./upgrade.ts";
import { encodedSize } from "./write-buffer.ts";

/** What earlier sockets have learned of a server. */
interface Lesson extends Breakdowns {
  /** The transport that won the last race: it goes first, alone. */
  winner_?: string | undefined;
  /** Until when it does, in milliseconds since the epoch. */
  until_: number;
}

/** By origin. */
const lessons = new Map<string, Lesson>();

/** Milliseconds for which polling goes first once a WebSocket that won a race has ended without a message. */
const LOST_RACE = 30_000;

/** Reasons and codes of ends that neither side wanted; 1002: frames were altered on the way. */
const BREAKDOWNS: readonly unknown[] = ["ping timeout", "transport error", "PING_TIMEOUT", 1002, 1006];

/**
 * A connection to an Engine.IO server, used like a WebSocket. The constructor opens it, by default over HTTP long-polling
 * with an upgrade to WebSocket.
 *
 * Close reasons: `transport close` (the server or the network closed it, or the page went offline or was frozen),
 * `transport error` (with the error as second argument), `forced close` (`close()` was called), `ping timeout`. The socket
 * emits an error as `error` right before `close`; it never throws for bad input of a server.
 *
 * @example
 * const socket = new Socket("http://localhost:3000");
 * socket.on("open", () => socket.send("hello"));
 * socket.on("message", (data) => console.log(data));
 * socket.on("close", (reason, details) => console.log(reason, details, socket.diagnosis));
 */
export class Socket extends Session implements OpeningHost, UpgradeHost {
  /** Revision of the protocol: 4. */
  static readonly protocol: number = protocol;
  /** Whether the last connection of this page or process succeeded with WebSocket; see `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  readonly #implementations: Map<string, TransportCtor>;
  constructor();
  constructor(uri: string | null | undefined, opts?: SocketOptions);
  constructor(opts: SocketOptions);
  constructor(uri?: string | SocketOptions | null, opts?: SocketOptions) {
    super(...splitArguments(uri, opts));
    this.#implementations = chooseTransports(this.opts);
    this.transports = [...this.#implementations.keys()];
    if (this.transports.length) this.#open();
    else this.setTimeoutFn(() => this.emitReserved("error", "No transports available"), 0);
  }

  #open(): void {
    const { race, rememberUpgrade, tryAllTransports } = this.opts;
    const winner = race && this.#winner;
    const first = winner || ((race || (rememberUpgrade && Socket.priorWebsocketSuccess)) && "websocket");
    // the sort ignores a first transport that is not offered
    let names = [...this.transports].sort((a, b) => +(b === first) - +(a === first));
    const others = names.filter((name) => name !== "websocket");
    if (others.length && others.length < names.length && this.#skips(first === "websocket" ? "open" : "upgrade")) {
      names = others;
    }
    const opening = new Opening(this, names, race && !winner ? "race" : tryAllTransports ? "in turn" : "alone");
    this.readyState = "opening";
    this.opening_ = opening;
    if (this.opts.upgrade) this.upgrade_ = new Upgrade(this);
    opening.next_();
  }

  get #lesson(): Lesson {
    const origin = this.hostname + ":" + this.port;
    let lesson = lessons.get(origin);
    if (!lesson) lessons.set(origin, (lesson = { until_: 0, count_: 0, at_: 0 }));
    return lesson;
  }

  get #winner(): string | undefined {
    const { winner_, until_ } = this.#lesson;
    return Date.now() < until_ ? winner_ : undefined;
  }

  /** Milliseconds for which no WebSocket is tried, as the last ones broke down. */
  override calm_(): number {
    return pauseLeft(this.#lesson, Date.now());
  }

  /** Whether a pause keeps WebSocket away; if so, records that. */
  #skips(purpose: Purpose): boolean {
    const pause = this.calm_();
    if (!pause) return false;
    const skipped: Noted = { name: "websocket" };
    beginAttempt(this.diagnosis, skipped, purpose);
    const message = `WebSockets to this server broke down; next try in ${Math.ceil(pause / 1000)} s`;
    endAttempt(skipped, "skipped", { message });
    skipped.attempt_!.nextAt = Date.now() + pause;
    return true;
  }

  override resume_(transport: Transport, lost: readonly Packet[]): void {
    // a transport with a connection of its own is not upgraded: it can't be paused
    if (transport.buffered_ == null && this.upgrade_ && this.readyState === "open") {
      // before `carried`, whose listeners may look
      if (this._filterUpgrades(this.offered_).includes("websocket")) this.#skips("upgrade");
    }
    super.resume_(transport, lost);
    if (transport.buffered_ == null && this.upgrade_ && this.readyState === "open") {
      this.upgrade_ = new Upgrade(this);
      this.upgrade_.begin_(this.offered_);
    }
  }

  _filterUpgrades(upgrades: readonly string[]): string[] {
    return upgrades.filter((name) => this.transports.includes(name));
  }

  override _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: SentCallback): void {
    if (this.opts.refuseTooLarge && this.isAlive_) {
      const size = encodedSize(data, this.transport.name === "polling");
      if (size > this.maxPayload) {
        const error = new EngineError("MESSAGE_TOO_LARGE", ENGINE_ERRORS.MESSAGE_TOO_LARGE, {
          size,
          limit: this.maxPayload,
        });
        this.emitReserved("error", error);
        fn?.(error);
        return;
      }
    }
    super._sendPacket(type, data, options, fn);
  }

  override _onError(error: Error): void {
    this.remember_();
    super._onError(error);
  }

  /** Programs replace this method to see each transport before it opens. */
  override createTransport(name: string): Transport {
    return this.create_(this.#implementations.get(name)!, name);
  }

  /** Remembers that the transport of this name works; without a name, that none does. */
  remember_(name?: string): void {
    Socket.priorWebsocketSuccess = name === "websocket";
    // a winner for a while stays so
    if (this.opts.race && name !== this.#winner) this.#setWinner(name, Infinity);
  }

  #setWinner(winner_: string | undefined, until_: number): void {
    Object.assign(this.#lesson, { winner_, until_ });
  }

  override end_(reason: string, details?: CloseDetails | Error): void {
    this.recordDeath_(reason, details);
    super.end_(reason, details);
  }

  /** Remembers how the WebSocket of an open session ended. */
  override recordDeath_(reason: string, details?: CloseDetails | Error): void {
    const { id, transport } = this;
    if (!id || transport.name !== "websocket") return;
    const now = Date.now();
    const { code, context } = (details ?? {}) as CloseDetails;
    const causes = [reason, code, (context as CloseEvent | undefined)?.code];
    const isBreakdown = causes.some((cause) => BREAKDOWNS.includes(cause));
    recordEnd(this.#lesson, transport.attempt_!.at, isBreakdown, now);
    if (this.opts.race && !this.hasReceived_ && reason !== "forced close") this.#setWinner("polling", now + LOST_RACE);
  }
}

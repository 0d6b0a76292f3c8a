import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { BaseSocket, type Callback } from "./base-socket.ts";
import { type Attempt, endAttempt } from "./diagnosis.ts";
import { EngineError } from "./errors.ts";
import { planOpening, startOpening } from "./opening.ts";
import type { RawData, SocketOptions, WriteOptions } from "./options.ts";
import { chooseTransports } from "./target.ts";
import { after } from "./timers.ts";
import type { Transport } from "./transport.ts";
import { Upgrade } from "./upgrade.ts";
import { encodedSize, takeFitting } from "./write-buffer.ts";

/** What won the last race for a server, by origin. */
const winners = new Map<string, string>();

/**
 * A connection to an Engine.IO server, in the manner of a WebSocket: it opens when it is made, over HTTP long-polling at
 * first and then over WebSocket, unless the options say otherwise.
 *
 * Close reasons: `transport close` (the server or the network, going offline, a page that is frozen), `transport error`
 * (the second argument is the error), `forced close` (`close()` was called), `ping timeout`. Errors are emitted as
 * `error`, right before `close`. Nothing that a server sends is thrown.
 *
 * @example
 * const socket = new Socket("http://localhost:3000");
 * socket.on("open", () => socket.send("hello"));
 * socket.on("message", (data) => console.log(data));
 * socket.on("close", (reason, details) => console.log(reason, details, socket.diagnosis));
 */
export class Socket extends BaseSocket {
  /** Revision of the protocol: 4. */
  static readonly protocol: number = protocol;
  /** Whether the last connection of this page or process succeeded with WebSocket; see `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  /** Names of the transports that are left to try. */
  declare protected transports: string[];

  readonly #implementations: ReturnType<typeof chooseTransports>;
  readonly #upgrade = this.#createUpgrade();
  /** Ends a race, or the time limit of a transport that opens. */
  #stopOpening: (() => void) | undefined;

  constructor();
  constructor(uri: string | null | undefined, opts?: SocketOptions);
  constructor(opts: SocketOptions);
  constructor(uri?: string | SocketOptions | null, opts: SocketOptions = {}) {
    if (typeof uri === "object" && uri) super(null, uri);
    else super(uri, opts);
    this.#implementations = chooseTransports(this.opts);
    this.transports = [...this.#implementations.keys()];
    this.#open();
  }

  _filterUpgrades(upgrades: readonly string[]): string[] {
    return upgrades.filter((name) => this.transports.includes(name));
  }

  override _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: Callback): void {
    if (this.opts.refuseTooLarge && this.readyState.startsWith("open")) {
      const size = encodedSize(data, this.transport.name === "polling");
      if (size > this.maxPayload) {
        const error = new EngineError("MESSAGE_TOO_LARGE", { size, limit: this.maxPayload });
        this.emitReserved("error", error);
        fn?.(error);
        return;
      }
    }
    super._sendPacket(type, data, options, fn);
  }

  override _onError(error: Error): void {
    Socket.priorWebsocketSuccess = false;
    winners.delete(this.#origin);
    super._onError(error);
  }

  protected createTransport(name: string, purpose?: Attempt["purpose"]): Transport {
    return this.buildTransport(this.#implementations.get(name)!, name, purpose);
  }

  #remember({ name }: Transport): void {
    Socket.priorWebsocketSuccess = name === "websocket";
    if (this.opts.race) winners.set(this.#origin, name);
  }

  get #origin(): string {
    return this.hostname + ":" + this.port;
  }

  #open(): void {
    const { race, rememberUpgrade } = this.opts;
    if (this.transports.length === 0) {
      this.setTimeoutFn(() => this.emitReserved("error", "No transports available"), 0);
      return;
    }
    this.readyState = "opening";
    const winner = race ? winners.get(this.#origin) : undefined;
    const prefersWebSocket = race || (rememberUpgrade && Socket.priorWebsocketSuccess);
    const first = winner ?? (prefersWebSocket ? "websocket" : undefined);
    this.#stopOpening = startOpening(
      {
        create: (name) => (this.transport = this.createTransport(name)),
        after: (callback, ms) => after(this, ms, callback),
        onWin: (winner, packet) => {
          this.#remember(winner);
          this.setTransport(winner);
          this.receive(packet);
        },
        onLoss: (loser, cause, isLast) => {
          endAttempt(loser, "failed", cause);
          this.transports = this.transports.filter((name) => name !== loser.name);
          if (!isLast) return;
          if (cause instanceof Error) this._onError(cause);
          else this.endSession("transport close", cause);
        },
      },
      planOpening(this.transports, this.opts, first, !!race && !winner),
    );
  }

  #createUpgrade(): Upgrade {
    return new Upgrade({
      create: (name) => {
        Socket.priorWebsocketSuccess = false;
        return this.createTransport(name, "upgrade");
      },
      after: (callback) => after(this, this.opts.upgradeTimeout!, callback),
      onProbed: (candidate, onPaused) => {
        this.emitReserved("upgrading", candidate);
        this.#remember(candidate);
        if (this.readyState !== "closed") this.transport.pause(onPaused);
      },
      onCommit: (candidate) => {
        endAttempt(candidate, "upgraded");
        this.setTransport(candidate);
        candidate.send([{ type: "upgrade" }]);
        this.emitReserved("upgrade", candidate);
        this.#afterUpgrade();
      },
      onFail: (candidate, error) => {
        endAttempt(candidate, "failed", error);
        if (this.readyState !== "closed") this.transport.resume();
        this.emitReserved("upgradeError", error);
        this.#afterUpgrade();
      },
    });
  }

  protected override onSession(upgrades: readonly string[]): void {
    if (this.readyState !== "open" || !this.opts.upgrade) return;
    this.#upgrade.start(this._filterUpgrades(upgrades).filter((name) => name !== this.transport.name));
  }

  /** What was written while polling rested goes out. */
  #afterUpgrade(): void {
    this.flush();
    this.closeWhenIdle();
  }

  protected override get isHeld(): boolean {
    return this.#upgrade.phase === "pausing";
  }

  // hot path
  protected override nextBatch(): Packet[] {
    const { writeBuffer, transport, maxPayload } = this;
    const isLimited = writeBuffer.length > 1 && transport.name === "polling" && maxPayload < Infinity;
    return isLimited ? takeFitting(writeBuffer, maxPayload) : super.nextBatch();
  }

  protected override onSessionEnd(): void {
    this.#stopOpening?.();
    this.#upgrade.sessionClosed();
  }
}

import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { splitArguments } from "../arguments.ts";
import { listen } from "../emitter.ts";
import type { Callback } from "./base-socket.ts";
import { type Attempt, endAttempt } from "./diagnosis.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import type { RawData, SocketOptions, WriteOptions } from "./options.ts";
import { chooseTransports } from "./address/target.ts";
import { after } from "./platform/timers.ts";
import type { CloseDetails, Transport, TransportError, TransportReservedEvents } from "./transports/transport.ts";
import { UpgradingSocket } from "./upgrade.ts";
import { encodedSize, takeFitting } from "./write-buffer.ts";

/** Milliseconds between two transports that race. */
const HEAD_START = 300;

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
export class Socket extends UpgradingSocket {
  /** Revision of the protocol: 4. */
  static readonly protocol: number = protocol;
  /** Whether the last connection of this page or process succeeded with WebSocket; see `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  /** Names of the transports that are left to try. */
  declare protected transports: string[];

  readonly #origin = this.hostname + ":" + this.port;
  readonly #implementations: ReturnType<typeof chooseTransports>;
  /** Ends a race, or the time limit of a transport that opens. */
  #stopOpening: (() => void) | undefined;

  constructor();
  constructor(uri: string | null | undefined, opts?: SocketOptions);
  constructor(opts: SocketOptions);
  constructor(uri?: string | SocketOptions | null, opts?: SocketOptions) {
    super(...splitArguments(uri, opts));
    this.#implementations = chooseTransports(this.opts);
    this.transports = [...this.#implementations.keys()];
    this.#open();
  }

  _filterUpgrades(upgrades: readonly string[]): string[] {
    return upgrades.filter((name) => this.transports.includes(name));
  }

  override _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: Callback): void {
    if (this.opts.refuseTooLarge && /open/.test(this.readyState)) {
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
    Socket.priorWebsocketSuccess = false;
    winners.delete(this.#origin);
    super._onError(error);
  }

  protected override createTransport(name: string, purpose?: Attempt["purpose"]): Transport {
    if (purpose) Socket.priorWebsocketSuccess = false;
    return this.buildTransport(this.#implementations.get(name)!, name, purpose);
  }

  protected override onProbed({ name }: Transport): void {
    Socket.priorWebsocketSuccess = name === "websocket";
    if (this.opts.race) winners.set(this.#origin, name);
  }

  #open(): void {
    if (!this.transports.length) {
      this.setTimeoutFn(() => this.emitReserved("error", "No transports available"), 0);
      return;
    }
    this.readyState = "opening";
    const { race, rememberUpgrade } = this.opts;
    const winner = race && winners.get(this.#origin);
    const first = winner || ((race || (rememberUpgrade && Socket.priorWebsocketSuccess)) && "websocket");
    // what goes first does so if it is one of them
    this.#openAny(
      [...this.transports].sort((a, b) => +(b === first) - +(a === first)),
      race && !winner,
    );
  }

  /**
   * Opens transports, one after another or side by side, until one of them receives a packet. A transport that is closed
   * while it opens closes its session as soon as it has one, so nothing stays behind on the server.
   */
  #openAny(names: string[], isRace: boolean | undefined): void {
    const { tryAllTransports, upgradeTimeout } = this.opts;
    const isAlone = !isRace && !tryAllTransports;
    const runners = new Set<Transport>();
    let stopTimer = (): void => {};
    const stop = (winner?: Transport): void => {
      stopTimer();
      names.length = 0;
      runners.delete(winner!);
      for (const runner of runners) {
        runner.off();
        runner.close();
      }
      runners.clear();
    };
    const run = (): void => {
      stopTimer();
      const runner = (this.transport = this.createTransport(names.shift()!));
      const lose = (cause: Error | CloseDetails): void => {
        runner.off();
        runners.delete(runner);
        endAttempt(runner, "failed", cause);
        this.transports = this.transports.filter((name) => name !== runner.name);
        if (isAlone && (cause as TransportError).code !== "TRANSPORT_UNAVAILABLE") names.length = 0;
        if (names.length) run();
        else if (runners.size) return;
        else if (cause instanceof Error) this._onError(cause);
        else this.endSession("transport close", cause);
      };
      runners.add(runner);
      const unlisten = listen<TransportReservedEvents>(runner, {
        packet: (packet) => {
          unlisten();
          stop(runner);
          this.onProbed(runner);
          this.setTransport(runner);
          this.receive(packet);
        },
        error: lose,
        close: lose as () => void,
      });
      const delay = isRace ? HEAD_START : upgradeTimeout;
      if (delay && names.length && !isAlone) {
        stopTimer = after(this, delay, () => {
          if (isRace) return run();
          lose(new Error("timeout"));
          runner.close();
        });
      }
      runner.open();
    };
    this.#stopOpening = stop;
    run();
  }

  protected override onSession(upgrades: readonly string[]): void {
    if (this.readyState !== "open" || !this.opts.upgrade) return;
    this.upgradeTo(this._filterUpgrades(upgrades).filter((name) => name !== this.transport.name));
  }

  protected override nextBatch(): Packet[] {
    const { writeBuffer, transport, maxPayload } = this;
    const isLimited = writeBuffer.length > 1 && transport.name === "polling" && maxPayload < Infinity;
    return isLimited ? takeFitting(writeBuffer, maxPayload) : super.nextBatch();
  }

  protected override onSessionEnd(): void {
    this.#stopOpening?.();
    super.onSessionEnd();
  }
}

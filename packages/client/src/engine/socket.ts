import { type PacketType, protocol } from "@portage/parser/engine";
import { splitArguments } from "../arguments.ts";
import { chooseTransports } from "./transports/index.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import { Opening, type OpeningHost } from "./opening.ts";
import type { RawData, SocketOptions, TransportCtor, WriteOptions } from "./options.ts";
import { type SentCallback, Session } from "./session.ts";
import type { Transport } from "./transports/transport.ts";
import { Upgrade, type UpgradeHost } from "./upgrade.ts";
import { encodedSize } from "./write-buffer.ts";

/** Transports that won the last race, by origin. */
const winners = new Map<string, string | undefined>();

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

  /** Names of the transports not ruled out by a failure. */
  declare transports: string[];
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
    const winner = race && winners.get(this.#origin);
    const first = winner || ((race || (rememberUpgrade && Socket.priorWebsocketSuccess)) && "websocket");
    // the sort ignores a first transport that is not offered
    const names = [...this.transports].sort((a, b) => +(b === first) - +(a === first));
    const opening = new Opening(this, names, race && !winner ? "race" : tryAllTransports ? "in turn" : "alone");
    this.readyState = "opening";
    this.opening_ = opening;
    if (this.opts.upgrade) this.upgrade_ = new Upgrade(this);
    opening.next_();
  }

  get #origin(): string {
    return this.hostname + ":" + this.port;
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
  createTransport(name: string): Transport {
    return this.create_(this.#implementations.get(name)!, name);
  }

  /** Remembers that the transport of this name works; without a name, that none does. */
  remember_(name?: string): void {
    Socket.priorWebsocketSuccess = name === "websocket";
    if (this.opts.race) winners.set(this.#origin, name);
  }
}

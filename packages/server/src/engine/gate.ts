import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { Refusal } from "./admission.ts";
import { REFUSALS, type RefusalName } from "./refusals.ts";

/** What lets sessions in, and how many. */
export interface GateOptions {
  /** Open sessions of this engine. Default: no limit. Beyond: 503 and `Retry-After`. */
  maxConnections?: number;
  /** Open sessions from one address, which is that of the proxy where there is one. Default: no limit. */
  maxConnectionsPerAddress?: number;
  /** New sessions per second; as many may come at once. Default: no limit. */
  maxHandshakesPerSecond?: number;
  /** When clients that were turned away for a limit are asked to come back, in milliseconds. Default 5000. */
  retryAfter?: number;
}

export const DEFAULT_RETRY_AFTER = 5000;

/** Where new sessions come in: it may be full, or closed. */
export class Gate {
  readonly #options: GateOptions;
  readonly #bucket: TokenBucket | undefined;
  readonly #byAddress: Map<string, number> | undefined;
  #state: "open" | "closed" = "open";

  constructor(options: GateOptions, clock: Clock) {
    this.#options = options;
    const { maxHandshakesPerSecond: rate } = options;
    if (rate !== undefined) this.#bucket = new TokenBucket(clock, rate, Math.max(1, rate));
    if (options.maxConnectionsPerAddress !== undefined) this.#byAddress = new Map();
  }

  /** When clients that are turned away, or moved away, are asked to come back, in milliseconds. */
  get retryAfter(): number {
    return this.#options.retryAfter ?? DEFAULT_RETRY_AFTER;
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#state = "closed";
  }

  open(): void {
    this.#state = "open";
  }

  /** Why a new session can't be let in now. */
  check(req: IncomingMessage, open: number): Refusal | undefined {
    const { maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = this.#options;
    if (this.#state === "closed") return this.#refuse("SERVER_DRAINING", {});
    if (open >= maxConnections)
      return this.#refuse("TOO_MANY_CONNECTIONS", { limit: maxConnections, actual: open + 1 });
    const address = req.socket.remoteAddress ?? "";
    const here = this.#byAddress?.get(address) ?? 0;
    if (here >= maxConnectionsPerAddress) {
      const details = { limit: maxConnectionsPerAddress, actual: here + 1, address };
      return this.#refuse("TOO_MANY_CONNECTIONS_FROM_ADDRESS", details);
    }
    if (this.#bucket === undefined || this.#bucket.take()) return undefined;
    return this.#refuse("TOO_MANY_HANDSHAKES", { limit: this.#options.maxHandshakesPerSecond });
  }

  #refuse(name: RefusalName, details: Record<string, unknown>): Refusal {
    return { code: REFUSALS[name].code, context: { name, ...details }, retryAfter: this.retryAfter };
  }

  onOpen(address: string): void {
    this.#byAddress?.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  onClose(address: string): void {
    const left = (this.#byAddress?.get(address) ?? 0) - 1;
    if (left > 0) this.#byAddress?.set(address, left);
    else this.#byAddress?.delete(address);
  }
}

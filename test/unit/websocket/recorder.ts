import { WebSocketConnection } from "../../../packages/websocket/src/core/connection.ts";
import type { ConnectionOptions, WebSocketHandler } from "../../../packages/websocket/src/core/connection-contract.ts";
import { DEFAULT_LIMITS, type Limits, type Role } from "../../../packages/websocket/src/core/limits.ts";
import { FrameReader, type ReadFrame } from "../../support/raw/frames.ts";
import { FakeClock } from "../support/fake-clock.ts";

/**
 * A connection that logs its handler's calls, one line per call, and splits its output into frames.
 */
export class Recorder implements WebSocketHandler {
  readonly connection: WebSocketConnection;
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly binaries: Buffer[] = [];
  readonly #reader = new FrameReader();
  /** Called with every message, before it is logged. */
  onMessage: () => void = () => undefined;

  constructor(role: Role = "server", limits: Partial<Limits> = {}, options: Partial<ConnectionOptions> = {}) {
    const all = { role, clock: this.clock, limits: { ...DEFAULT_LIMITS, ...limits }, ...options };
    this.connection = new WebSocketConnection(all, this);
  }

  onText(text: string): void {
    this.onMessage();
    this.log.push(`text ${text}`);
  }

  onTextBytes(data: Buffer): void {
    this.onMessage();
    this.log.push(`bytes ${data.toString("latin1")}`);
  }

  onBinary(data: Buffer): void {
    this.onMessage();
    this.binaries.push(data);
    this.log.push(`binary ${data.toString("hex")}`);
  }

  onPing(data: Buffer): void {
    this.log.push(`ping ${data.toString("latin1")}`);
  }

  onPong(data: Buffer): void {
    this.log.push(`pong ${data.toString("latin1")}`);
  }

  onClosed(): void {
    const { phase, closeCode, closeReason, error } = this.connection;
    this.log.push([phase, closeCode, error?.code ?? closeReason].join(" ").trim());
  }

  onOutput(): void {
    this.log.push("output");
  }

  onReadable(): void {
    this.log.push("readable");
  }

  /** Returns the calls so far, except those about output, and clears them. */
  take(): string[] {
    return this.log.splice(0).filter((line) => line !== "output");
  }

  /** The output so far. */
  bytes(): Buffer {
    const output = this.connection.takeOutput();
    return Array.isArray(output) ? Buffer.concat(output) : (output ?? Buffer.alloc(0));
  }

  /** The frames of the output so far. */
  sent(): ReadFrame[] {
    return this.#reader.push(this.bytes());
  }
}

/** The same bytes split in all tested ways: whole, at each single point, and byte by byte. */
export function* allSplits(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes];
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
}

/** Passes copies: received bytes are unmasked in place. */
export function feed(connection: WebSocketConnection, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) connection.receive(Buffer.from(chunk));
}

import type { Packet } from "../../../../packages/client/src/engine/options.ts";
import { takeFitting } from "../../../../packages/client/src/engine/write-buffer.ts";
import { Transport } from "../../../../packages/client/src/engine/transports/transport.ts";

const HANDSHAKE = { sid: "session", upgrades: ["fast"], pingInterval: 1000, pingTimeout: 500, maxPayload: 100 };

/** A transport with the test as its peer. */
export class FakeTransport extends Transport {
  /** Written packets, as type and data. */
  readonly written: string[] = [];
  /** Its owner's calls, in order. */
  readonly calls: string[] = [];
  onPaused: (() => void) | undefined;

  get name(): string {
    return "fake";
  }

  get state(): string {
    return this.readyState;
  }

  protected override doOpen(): void {
    this.calls.push("open");
  }

  protected override doClose(): void {
    this.calls.push("close");
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    this.written.push(...packets.map(({ type, data }) => type + (data === undefined ? "" : " " + (data as string))));
  }

  override fitting_(packets: readonly Packet[], limit: number): Packet[] {
    return takeFitting(packets, limit);
  }

  override pause(onPause: () => void): void {
    this.calls.push("pause");
    this.onPaused = onPause;
  }

  override resume(): void {
    this.calls.push("resume");
  }

  /** Reports that written packets were sent. */
  drain(): void {
    this.writable = true;
    this.emitReserved("drain");
  }

  opens(): void {
    this.onOpen();
  }

  receive(type: Packet["type"], data?: unknown): void {
    this.onPacket(data === undefined ? { type } : { type, data });
  }

  shakeHands(overrides: object = {}): void {
    this.opens();
    this.receive("open", JSON.stringify({ ...HANDSHAKE, ...overrides }));
  }

  fails(message = "fake error"): void {
    this.onError(message, 0);
  }

  /** @param code of the WebSocket */
  closes(code?: number): void {
    this.onClose({ description: "fake closed", ...(code && { context: { code, reason: "" } }) });
  }
}

/** Made by a socket, first to last. */
export const made: FakeTransport[] = [];

/** Returns a transport class for a socket; its instances are in {@link made}. */
export function fakeTransport(name: string): new (options: object) => FakeTransport {
  return class extends FakeTransport {
    constructor(options: object) {
      super(options);
      made.push(this);
    }

    override get name(): string {
      return name;
    }
  };
}

import { EnginePacket } from "@portage/parser/engine";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { Transport } from "../../../packages/server/src/engine/transports/transport.ts";

/**
 * A transport in memory: it records packets of the session, and the test sends packets of the peer. A transport named
 * "polling" accepts one batch per poll, like the real one.
 */
export class FakeTransport extends Transport {
  readonly name: string;
  readonly sent: string[] = [];
  /** `pause`, `resume`, `close`, `discard`, in the order of the calls. */
  readonly calls: string[] = [];

  constructor(name: string, protocol: 3 | 4 = 4) {
    super({ _query: { EIO: String(protocol) } } as never);
    this.name = name;
    this.writable = true;
  }

  override get bufferedBytes(): number {
    return 0;
  }

  override send(batch: readonly EnginePacket[]): void {
    this.sent.push(batch.map(({ type, data }) => (data === undefined ? type : `${type}:${String(data)}`)).join(","));
    if (this.name === "polling") this.writable = false;
    this.drained();
  }

  override close(onClosed?: () => void): void {
    this.calls.push("close");
    this.readyState = "closing";
    this.endedByOwner(onClosed);
  }

  override discard(): void {
    this.calls.push("discard");
    this.endedByOwner(undefined);
  }

  override pause(): void {
    this.calls.push("pause");
  }

  override resume(): void {
    this.calls.push("resume");
  }

  /** The peer sends a packet. */
  receive(type: EnginePacket["type"], data?: string): void {
    this.onPacket(new EnginePacket(type, data));
  }

  /** The peer goes away. */
  lose(): void {
    this.ended(closeReason("CONNECTION_CLOSED"));
  }

  /** The peer can take packets again: it polls, or has read what was sent. */
  drain(): void {
    this.writable = true;
    this.drained();
  }
}

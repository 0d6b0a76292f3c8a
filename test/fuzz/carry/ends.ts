/*
 * The two ends of a line between a client's session and a server's session, both real. What is on the line moves when the
 * test says so.
 */
import type { EnginePacket, Packet } from "@portage/parser/engine";
import { Transport as ClientTransport } from "../../../packages/client/src/engine/transports/transport.ts";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { Transport as ServerTransport } from "../../../packages/server/src/engine/transports/transport.ts";

export type Kind = "polling" | "websocket";

/** Packets under way, as far as both ends know them. */
type Sent = Packet | Pick<EnginePacket, "type" | "data">;

/** One connection, or the requests of one polling transport. */
export class Line {
  readonly client: ClientEnd;
  /** Undefined until the request that opens it has arrived. */
  server: ServerEnd | undefined;
  readonly up: Sent[] = [];
  readonly down: Sent[] = [];
  /** The transport that reads the POST under way. */
  reader: ServerTransport | undefined;
  /** Whether the server can receive nothing more from it. */
  isCut = false;

  constructor(client: ClientEnd) {
    this.client = client;
  }

  get turn(): string {
    return String(this.client.query["turn"] ?? 0);
  }

  /** The client reads the next packet. */
  deliverDown(): void {
    const { client } = this;
    const packet = this.down.shift()!;
    if (client.state === "opening") client.opens();
    client.receive(packet);
  }
}

/** What creates lines, and knows when one opens. */
export interface Network {
  launch(client: ClientEnd): Line;
}

export abstract class ClientEnd extends ClientTransport {
  declare line: Line;
  protected abstract readonly network: Network;

  get state(): string {
    return this.readyState;
  }

  get isInUse(): boolean {
    return this.handler_ !== undefined;
  }

  protected override doOpen(): void {
    this.line = this.network.launch(this);
  }

  protected override doClose(): void {
    this.line.up.push({ type: "close" });
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    this.line.up.push(...packets);
  }

  override drop_(): void {
    super.drop_();
    if (this.name === "polling") this.readyState = "closed";
  }

  #onPause: (() => void) | undefined;

  override pause(onPause: () => void): void {
    this.#onPause = onPause;
  }

  override resume(): void {
    this.#onPause = undefined;
  }

  /** Whether an upgrade waits for the requests under way, so that new ones do not begin. */
  get isPausing(): boolean {
    return this.#onPause !== undefined;
  }

  /** All requests have ended. */
  paused(): void {
    this.#onPause?.();
    this.#onPause = undefined;
  }

  /** `undefined`: of requests. */
  override get buffered_(): number | undefined {
    return this.name === "websocket" ? 0 : undefined;
  }

  opens(): void {
    this.onOpen();
  }

  receive({ type, data }: Sent): void {
    if (this.readyState === "open") this.onPacket(data === undefined ? { type } : { type, data });
  }

  /** The platform accepts more; for a POST the server has answered. */
  drain(): void {
    this.writable = true;
    this.emitReserved("drain");
  }

  /** The client notices that the connection is broken. */
  breaks(): void {
    if (this.name === "polling") this.onError("xhr poll error", 0);
    else this.onClose({ description: "cut", context: { code: 1006, reason: "" } });
  }
}

export class ServerEnd extends ServerTransport {
  readonly name: Kind;
  readonly #line: Line;
  /** Whether an answer to a poll goes on. */
  readonly #isStreamed: boolean;

  constructor(line: Line, isStreamed: boolean) {
    super({ _query: { EIO: "4" } } as never);
    this.name = line.client.name as Kind;
    this.#line = line;
    this.#isStreamed = isStreamed;
    this.writable = this.name === "websocket";
  }

  override get bufferedBytes(): number {
    return 0;
  }

  override send(batch: readonly EnginePacket[]): void {
    for (const { type, data } of batch) this.#line.down.push(data === undefined ? { type } : { type, data });
    // a plain answer is one batch, and an empty noop ends any
    const isLast = !this.#isStreamed || batch.some(({ type, data }) => type === "noop" && data === undefined);
    if (this.name === "polling" && isLast) this.writable = false;
    this.drained();
  }

  override close(onClosed?: () => void): void {
    this.#line.down.push({ type: "close" });
    this.endedByOwner(onClosed);
  }

  override discard(): void {
    this.endedByOwner(undefined);
  }

  /** The client polls. */
  polls(): void {
    this.writable = true;
    this.drained();
  }

  /** The server notices that the connection is broken. */
  breaks(): void {
    this.ended(closeReason("CONNECTION_CLOSED"));
  }
}

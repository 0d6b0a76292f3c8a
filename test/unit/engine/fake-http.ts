import { EventEmitter } from "node:events";
import type { EnginePacket } from "@portage/parser/engine";
import type { CloseReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { TimingWheel } from "../../../packages/server/src/engine/timing-wheel.ts";
import type { TransportContext } from "../../../packages/server/src/engine/transports/context.ts";
import { ClosingBacklog } from "../../../packages/server/src/engine/transports/closing-backlog.ts";
import type { TransportOwner } from "../../../packages/server/src/engine/transports/transport.ts";
import type { HttpExchange } from "../../../packages/server/src/engine/http/request.ts";
import { ReceiveBudget } from "@portage/websocket";
import { FakeClock } from "../support/fake-clock.ts";

class FakeRequest extends EventEmitter {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly _query: Record<string, string>;
  readonly socket: { errored: Error | null } = { errored: null };
  destroyed = false;

  constructor(method: string, headers: Record<string, string>, query: Record<string, string>) {
    super();
    this.method = method;
    this.headers = headers;
    this._query = query;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }

  /** The body arrives in these pieces and ends. */
  body(...chunks: Array<string | Buffer>): void {
    for (const chunk of chunks) this.emit("data", Buffer.from(chunk as string));
    this.emit("end");
    this.emit("close");
  }
}

class FakeResponse extends EventEmitter {
  readonly req: FakeRequest;
  status = 0;
  headers: Record<string, unknown> = {};
  body: string | Buffer | undefined;
  destroyed = false;
  /** Bytes written that the client has not read; set by a test. */
  writableLength = 0;
  writableFinished = false;

  constructor(req: FakeRequest) {
    super();
    this.req = req;
  }

  get headersSent(): boolean {
    return this.status !== 0;
  }

  writeHead(status: number, headers: Record<string, unknown>): void {
    this.status = status;
    this.headers = headers;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }

  flushHeaders(): void {}

  /** Collects what is written; false while a test says that the client does not read. */
  write(chunk: string): boolean {
    this.body = `${(this.body as string | undefined) ?? ""}${chunk}`;
    return this.writableLength === 0;
  }

  /** The client has read everything. */
  read(): void {
    this.writableLength = 0;
    this.emit("drain");
  }

  end(body?: string | Buffer): void {
    if (body !== undefined) this.body = body;
    this.writableFinished = this.writableLength === 0;
    if (this.writableFinished) this.emit("close");
  }
}

/** An HTTP exchange in memory. */
export function exchange(
  method: "GET" | "POST" | "PUT",
  headers: Record<string, string> = {},
  query: Record<string, string> = { EIO: "4" },
): { req: FakeRequest; res: FakeResponse; http: HttpExchange } {
  const req = new FakeRequest(method, headers, query);
  const res = new FakeResponse(req);
  return { req, res, http: { req, res } as unknown as HttpExchange };
}

export function limits(over: Partial<TransportContext> = {}): TransportContext & { clock: FakeClock } {
  const clock = new FakeClock();
  const wheel = new TimingWheel(clock, 20_000, 45_000);
  return {
    receiving: new ReceiveBudget(1000),
    heartbeat: wheel,
    postTimeout: 30_000,
    maxHttpBufferSize: 100,
    maxPayloadPackets: 5,
    maxPollPackets: undefined,
    streaming: true,
    httpCompression: false,
    sharesFrames: true,
    closing: new Set(),
    closingBacklog: new ClosingBacklog(clock),
    addHeaders() {},
    retryAfter: () => undefined,
    reportRefusal() {},
    ...over,
    clock,
  };
}

/** An owner that records the calls of a transport. */
export class Recorder implements TransportOwner {
  readonly packets: string[] = [];
  readonly closes: CloseReason[] = [];
  drains = 0;

  onPacket({ type, data }: EnginePacket): void {
    this.packets.push(data === undefined ? type : `${type}:${String(data)}`);
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(reason: CloseReason): void {
    this.closes.push(reason);
  }
}

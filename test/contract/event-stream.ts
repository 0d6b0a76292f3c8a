import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { encodePacketV4, type EnginePacket, type RawData } from "@portage/parser/engine";
import type { HttpExchange } from "../../packages/server/src/engine/http/request.ts";
import { kWriteAnswer, kContext, kOnBody, kOnPosted, kOnPostEnd } from "../../packages/server/src/engine/keys.ts";
import { type CloseReason, closeReason } from "../../packages/server/src/engine/report/close-codes.ts";
import type { TransportContext } from "../../packages/server/src/engine/transports/context.ts";
import * as payload from "../../packages/server/src/engine/transports/payload-delivery.ts";
import { Post, type PostEnd, type PostOwner } from "../../packages/server/src/engine/transports/post.ts";
import type { RequestTransportKind } from "../../packages/server/src/engine/transports/registry.ts";
import { closePacket, Transport } from "../../packages/server/src/engine/transports/transport.ts";

/** A transport that is not the engine's own: server-sent events to the client, POSTs from it. */
class EventStream extends Transport implements PostOwner {
  readonly name = "events";
  readonly [kContext]: TransportContext;
  #events: ServerResponse | undefined;

  constructor(req: HttpExchange["req"], context: TransportContext) {
    super(req);
    this[kContext] = context;
  }

  override get bufferedBytes(): number {
    return this.#events?.writableLength ?? 0;
  }

  override onRequest(exchange: HttpExchange): void {
    if (exchange.req.method === "POST") return new Post(this, exchange).start();
    this.#events = exchange.res.writeHead(200, { "Content-Type": "text/event-stream" });
    this.#events.on("drain", () => this.#onWritable());
    this.#events.on("close", () => this.ended(closeReason("CONNECTION_CLOSED")));
    this.#onWritable();
  }

  #onWritable(): void {
    this.writable = this.readyState === "open";
    if (this.writable) this.drained();
  }

  [kOnBody](body: RawData, receiver: payload.PayloadReceiver): void {
    payload.deliverPayload(payload.readPayload(body, 4, this[kContext].maxPayloadPackets), receiver);
  }

  [kOnPosted](packet: EnginePacket): boolean {
    if (this.readyState !== "closed") this.onPacket(packet);
    return this.readyState !== "closed";
  }

  [kWriteAnswer](res: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: RawData): void {
    res.writeHead(status, headers).end(body);
  }

  [kOnPostEnd]({ why }: PostEnd): void {
    if (why) this.ended(why);
  }

  override send(batch: readonly EnginePacket[]): void {
    const events = batch.map((packet) => `data: ${JSON.stringify(encodePacketV4(packet, false))}\n\n`);
    this.writable = this.#events?.write(events.join("")) ?? false;
    this.drained();
  }

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this.send([closePacket(reason, this[kContext].retryAfter())]);
    this.endedByOwner(onClosed);
  }

  override discard(): void {
    this.#events?.destroy();
    this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  protected override ended(reason: CloseReason): void {
    super.ended(reason);
    this.#events?.end();
  }
}

export const EVENT_STREAM: RequestTransportKind = {
  name: "events",
  upgradesTo: ["websocket"],
  carriedBy: "requests",
  make: (req, context) => new EventStream(req, context),
};

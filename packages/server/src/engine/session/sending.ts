import type { EnginePacket, RawData } from "@portage/parser/engine";
import type { PreparedMessage } from "../outgoing/prepared-message.ts";
import type { SendFlags } from "./host.ts";
import type { Transport } from "../transports/transport.ts";

/** Receives the transport that took the message. */
export type SendCallback = (transport: Transport) => void;

/** Callbacks of one session's queued messages. */
export class SendCallbacks {
  #waiting: (readonly [packet: EnginePacket, callback: SendCallback])[] = [];

  add(packet: EnginePacket, callback: SendCallback): void {
    this.#waiting.push([packet, callback]);
  }

  /** Calls the callbacks of all packets that have left `queue`. */
  run(queue: readonly EnginePacket[], transport: Transport): void {
    if (this.#waiting.length === 0) return;
    const queued = new Set(queue);
    const sent = this.#waiting.filter(([packet]) => !queued.has(packet));
    this.#waiting = this.#waiting.filter(([packet]) => queued.has(packet));
    for (const [, callback] of sent) callback(transport);
  }
}

/**
 * Converts message data for sending: text and bytes unchanged, falsy values to `undefined` (an empty message), anything
 * else to its string.
 */
export function messageData(data: unknown): RawData | undefined {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (!data) return undefined;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // oxlint-disable-next-line typescript/no-base-to-string -- as engine.io does
  return String(data);
}

/** Sends a prepared message part by part, through the public method. */
export function writeParts<Writer extends { write(data: RawData, options: SendFlags): unknown }>(
  session: Writer,
  { parts, compress, mark }: PreparedMessage,
): Writer {
  for (const part of parts) session.write(part, { compress, mark });
  return session;
}

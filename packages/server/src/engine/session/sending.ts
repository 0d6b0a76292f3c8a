import type { EnginePacket, RawData } from "@portage/parser/engine";
import type { Transport } from "../transports/transport.ts";

/** Gets the transport that a message has been handed to. */
export type SendCallback = (transport: Transport) => void;

/** The callbacks of one session's messages that have not been handed to a transport yet. */
export class SendCallbacks {
  #waiting: (readonly [packet: EnginePacket, callback: SendCallback])[] = [];

  add(packet: EnginePacket, callback: SendCallback): void {
    this.#waiting.push([packet, callback]);
  }

  /** Calls those whose packets are not in `queue` any more. */
  run(queue: readonly EnginePacket[], transport: Transport): void {
    if (this.#waiting.length === 0) return;
    const queued = new Set(queue);
    const sent = this.#waiting.filter(([packet]) => !queued.has(packet));
    this.#waiting = this.#waiting.filter(([packet]) => queued.has(packet));
    for (const [, callback] of sent) callback(transport);
  }
}

/**
 * What goes out for the data of a message: text and bytes as they are, nothing for what is falsy, and the text of
 * anything else. Undefined is a message without data.
 */
export function messageData(data: unknown): RawData | undefined {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (!data) return undefined;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // oxlint-disable-next-line typescript/no-base-to-string -- as engine.io does
  return String(data);
}

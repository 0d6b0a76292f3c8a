import type { BinaryData } from "../bytes.ts";
import { type BinaryType, decodePacket, encodePacket, type Packet } from "./drop-in-v4.ts";
import { framePacket, PacketReader } from "./stream-v4.ts";

/*
 * The codec of WebTransport in the form of `engine.io-parser`.
 */

/**
 * Creates a stream that turns packets into bytes.
 *
 * @example
 * const encoder = createPacketEncoderStream();
 * void encoder.readable.pipeTo(stream.writable);
 * await encoder.writable.getWriter().write({ type: "message", data: "hi" });
 */
export function createPacketEncoderStream(): TransformStream<Packet, Uint8Array> {
  return new TransformStream({
    transform: (packet, controller) =>
      new Promise<void>((resolve, reject) => {
        encodePacket(packet, true, (encoded) => {
          const bytes: Promise<BinaryData> | BinaryData | string =
            typeof encoded === "object" && "arrayBuffer" in encoded ? encoded.arrayBuffer() : encoded;
          Promise.resolve(bytes)
            .then((data) => controller.enqueue(framePacket(data)))
            .then(resolve, reject);
        });
      }),
  });
}

/**
 * Creates a stream that turns bytes into packets. A malformed packet becomes one of type "error", and what follows it is
 * ignored.
 *
 * @param maxPayload most bytes of one packet
 * @param binaryType form of binary data. Default: as in {@link decodePacket}
 * @example
 * const packets = stream.readable.pipeThrough(createPacketDecoderStream(1e6, "arraybuffer")).getReader();
 */
export function createPacketDecoderStream(
  maxPayload: number,
  binaryType?: BinaryType,
): TransformStream<Uint8Array, Packet> {
  let reader: PacketReader | undefined = new PacketReader(maxPayload);
  return new TransformStream({
    transform(chunk, controller) {
      if (!reader) return;
      try {
        reader.push(chunk);
        for (let data = reader.next(); data !== undefined; data = reader.next()) {
          controller.enqueue(decodePacket(data, binaryType));
        }
      } catch {
        reader = undefined;
        controller.enqueue({ type: "error", data: "parser error" });
      }
    },
  });
}

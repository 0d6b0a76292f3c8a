// WebSocket frames made by hand.

function header(length, first, maskBit) {
  if (length < 126) return Buffer.from([first, maskBit | length]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = maskBit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** Returns a text or binary frame of a client. The mask is not zero, as servers skip a zero mask. */
export function clientFrame(data) {
  const payload = Buffer.from(data);
  const head = header(payload.length, typeof data === "string" ? 0x81 : 0x82, 0x80);
  for (let at = 0; at < payload.length; at += 1) payload[at] ^= MASK[at & 3];
  return Buffer.concat([head, MASK, payload]);
}

/** A client's close frame with code 1000. */
export const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

/** Returns server frames of text and binary messages. */
export function serverFrames(messages) {
  return Buffer.concat(
    messages.flatMap((data) => {
      const payload = Buffer.from(data);
      return [header(payload.length, typeof data === "string" ? 0x81 : 0x82, 0), payload];
    }),
  );
}

/** Extracts a server's frames from received bytes. */
export class FrameReader {
  #rest = Buffer.alloc(0);
  #onFrame;

  /** @param onFrame receives the payload */
  constructor(onFrame) {
    this.#onFrame = onFrame;
  }

  read(chunk) {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (data.length >= 2) {
      const short = data[1] & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (data.length < start) break;
      const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
      if (data.length < start + length) break;
      this.#onFrame(data.subarray(start, start + length));
      data = data.subarray(start + length);
    }
    this.#rest = data;
  }
}

import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";

const TAIL = Buffer.from([0, 0, 255, 255]);

export interface RawDeflateSettings {
  readonly compressAlone: boolean;
  readonly compressBits: number;
  readonly decompressAlone: boolean;
}

/** The test's own permessage-deflate, on Node's public streams. */
export class RawDeflater {
  readonly #settings: RawDeflateSettings;
  #deflate: DeflateRaw | undefined;
  #inflate: InflateRaw | undefined;

  constructor(settings: RawDeflateSettings) {
    this.#settings = settings;
  }

  async deflate(data: Buffer): Promise<Buffer> {
    this.#deflate ??= createDeflateRaw({ windowBits: this.#settings.compressBits });
    const coded = await run(this.#deflate, data);
    if (this.#settings.compressAlone) this.#deflate = undefined;
    return data.length === 0 ? Buffer.from([0]) : coded.subarray(0, -TAIL.length);
  }

  async inflate(data: Buffer): Promise<Buffer> {
    this.#inflate ??= createInflateRaw();
    const content = await run(this.#inflate, Buffer.concat([data, TAIL]));
    if (this.#settings.decompressAlone) this.#inflate = undefined;
    return content;
  }
}

function run(stream: DeflateRaw | InflateRaw, data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const onData = (part: Buffer): void => void parts.push(part);
    stream.on("data", onData);
    stream.once("error", reject);
    stream.write(data);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off("data", onData);
      stream.off("error", reject);
      resolve(Buffer.concat(parts));
    });
  });
}

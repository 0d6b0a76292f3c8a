import { SendCredit } from "../core/credit.ts";
import { MAX_DATA } from "../core/frames.ts";

const NOTHING_LEFT = Buffer.alloc(0);

/** The bytes of one direction of a stream that have not been sent yet. */
export class Outflow {
  readonly #credit = new SendCredit();
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  #state: "open" | "ending" = "open";

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether nothing is left to send, and nothing will follow. */
  get isDone(): boolean {
    return this.#state === "ending" && this.#queuedBytes === 0;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
  }

  /** No bytes will follow. */
  end(): void {
    this.#state = "ending";
  }

  /** Takes the next bytes that may be sent; an empty buffer if there are none, or no credit. */
  take(): Buffer {
    const most = Math.min(this.#credit.left, MAX_DATA);
    const [chunk] = this.#chunks;
    if (chunk === undefined || most === 0) return NOTHING_LEFT;
    const bytes = chunk.length <= most ? chunk : chunk.subarray(0, most);
    if (bytes === chunk) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(most);
    this.#queuedBytes -= bytes.length;
    this.#credit.spend(bytes.length);
    return bytes;
  }

  /** Takes credit from the peer. Returns false if that is more than the peer can give. */
  addCredit(bytes: number): boolean {
    return this.#credit.add(bytes);
  }
}

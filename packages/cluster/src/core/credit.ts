/*
 * Credit: how many bytes of a stream may be under way in one direction.
 *
 * Both sides begin with `WINDOW` bytes. The sender spends them, the first bytes of the body included, and stops at 0. The
 * receiver returns them once it has passed the bytes on, in pieces of at least half a window: a frame for each chunk would cost
 * more than the chunk. So a side that reads slowly never holds more than `WINDOW` bytes of a stream.
 */

/** Bytes of a stream that may be under way in one direction. */
export const WINDOW = 262_144;

/** The sender's side. */
export class SendCredit {
  /** Bytes that may be sent. */
  left = WINDOW;

  spend(bytes: number): void {
    this.left -= bytes;
  }

  /** Takes credit from the peer. Returns false if that is more than the peer can give. */
  add(bytes: number): boolean {
    if (bytes === 0 || this.left + bytes > WINDOW) return false;
    this.left += bytes;
    return true;
  }
}

/** The receiver's side. */
export class ReceiveCredit {
  #left = WINDOW;
  #passedOn = 0;

  /** Counts received bytes. Returns false if the peer has sent more than it may. */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** Counts bytes that were passed on. Returns the credit to give to the peer now; 0 for none. */
  passOn(bytes: number): number {
    this.#passedOn += bytes;
    if (this.#passedOn < WINDOW / 2) return 0;
    const given = this.#passedOn;
    this.#passedOn = 0;
    this.#left += given;
    return given;
  }
}

/** Encodes the body of CREDIT. */
export function encodeCredit(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(4);
  body.writeUInt32BE(bytes);
  return body;
}

/** Decodes the body of CREDIT; 0 if it is malformed. */
export const decodeCredit = (body: Buffer): number => (body.length === 4 ? body.readUInt32BE() : 0);

/*
 * What both ends of a tunnel share: phases, credit, and bytes that wait for credit or for the link.
 *
 * Quantities: `#credit` bytes may still be sent. `#rest` holds bytes that the near stream has handed over and that could not
 * be sent: at most one chunk, because a near stream that was refused stops. `#owed` bytes were received and not returned as
 * credit yet; the near stream has passed on all of them but `unread`.
 *
 * Between calls, `#rest` is empty unless the credit is used up or the link is congested, and FIN has not been sent while there
 * is a rest. An end that is `over` sends nothing, and has left the streams of its link.
 *
 * An end that sent FIN before its rest would cut the stream of bytes short. Credit returned before the near stream has passed
 * bytes on would make its memory unbounded.
 */
import { decodeCredit, encodeCredit, WINDOW } from "../core/credit.ts";
import { type Frame, MAX_DATA } from "../core/frames.ts";
import {
  readReset,
  resetBody,
  type TunnelResetCode,
  TUNNEL_TABLE,
  type TunnelPhase,
  type TunnelSignal,
} from "../core/tunnel-table.ts";
import { StreamEnd } from "./streams.ts";

/** Credit is returned once so many bytes were passed on: a frame for each message would cost more than the message. */
const PORTION = WINDOW / 4;

/** One end of a tunnel. Subclasses connect it with their stream. */
export abstract class TunnelEnd extends StreamEnd {
  #phase: TunnelPhase = "open";
  #credit = WINDOW;
  #owed = 0;
  #rest: Buffer | undefined = undefined;

  /** Bytes that were received, and that the near stream has not passed on. */
  protected abstract readonly unread: number;
  /** Passes bytes on to the near stream. */
  protected abstract deliver(bytes: Buffer): void;
  /** Called when all bytes were sent and more can be. */
  protected abstract onSendable(): void;
  /** Ends the writable side of the near stream. */
  protected abstract end(): void;
  protected abstract cut(code: TunnelResetCode): void;
  protected abstract cutWhenSent(code: TunnelResetCode): void;
  /** Called once, when the end has left its link. */
  protected abstract onOver(): void;

  get phase(): TunnelPhase {
    return this.#phase;
  }

  /** Whether bytes wait for credit or for the link. */
  get isBlocked(): boolean {
    return this.#rest !== undefined;
  }

  // ---- bytes to the peer -------------------------------------------------------------------------------------------

  /** Sends bytes of the near stream. Returns false if no more can be sent until `onSendable`. */
  forward(bytes: Buffer): boolean {
    if (this.#phase === "sent" || this.#phase === "over") return true;
    this.#rest = this.#sendPart(bytes);
    return this.#mayGoOn();
  }

  /** Sends several chunks of `size` bytes as one. */
  forwardAll(chunks: readonly Buffer[], size: number): void {
    const isOneFrame = size > 0 && size <= MAX_DATA && size <= this.#credit;
    if (!isOneFrame || this.streams.isCongested) return void this.forward(Buffer.concat(chunks, size));
    this.#credit -= size;
    this.send("DATA", ...chunks);
  }

  /** Counts bytes that were sent with the handshake. */
  protected spend(bytes: number): void {
    this.#credit -= bytes;
  }

  /** Whether more can be sent now. If not, `onLinkDrain` follows. */
  #mayGoOn(): boolean {
    if (!this.streams.isCongested) return this.#credit > 0;
    this.waitForDrain();
    return false;
  }

  /** Sends as much as possible. Returns the rest. */
  #sendPart(bytes: Buffer): Buffer | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#mayGoOn()) return at === 0 ? bytes : bytes.subarray(at);
      const size = Math.min(bytes.length - at, this.#credit, MAX_DATA);
      this.#credit -= size;
      this.send("DATA", size === bytes.length ? bytes : bytes.subarray(at, at + size));
      at += size;
    }
    return undefined;
  }

  override onLinkDrain(): void {
    if (this.#phase === "sent" || this.#phase === "over") return;
    if (this.#rest !== undefined) this.#rest = this.#sendPart(this.#rest);
    if (this.#rest === undefined && this.#mayGoOn()) this.onSendable();
  }

  // ---- frames of the peer ------------------------------------------------------------------------------------------

  override onFrame({ type, body }: Frame): void {
    if (type === "DATA") this.#receive(body);
    else if (type === "FIN") this.signal("FIN");
    else if (type === "RESET") this.signal("RESET", readReset(body));
    else if (type === "CREDIT") this.#takeCredit(decodeCredit(body));
    else this.fail(`${type} in a tunnel`);
  }

  override onLinkClose(): void {
    this.signal("lost");
  }

  #takeCredit(bytes: number): void {
    if (bytes === 0 || this.#credit + bytes > WINDOW) return this.fail("an invalid credit");
    this.#credit += bytes;
    this.onLinkDrain();
  }

  #receive(body: Buffer): void {
    if (this.#phase === "received") return this.fail("DATA after FIN");
    if (!this.take(body.length)) return this.fail("more bytes than its credit");
    this.deliver(body);
    this.returnCredit();
  }

  /** Counts received bytes. Returns false if the peer has sent more than it may. */
  protected take(bytes: number): boolean {
    this.#owed += bytes;
    return bytes <= MAX_DATA && this.#owed <= WINDOW;
  }

  /** Returns credit for what the near stream has passed on. */
  returnCredit(): void {
    const passed = this.#owed - this.unread;
    if (passed < PORTION || this.#phase === "received" || this.#phase === "over") return;
    this.#owed -= passed;
    this.send("CREDIT", encodeCredit(passed));
  }

  protected fail(why: string): void {
    this.streams.link.fail(why);
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Does what the table says. `code` says how the near stream, or the peer's, has ended. */
  signal(signal: TunnelSignal, code: TunnelResetCode = "broken"): void {
    const [next, action] = TUNNEL_TABLE[this.#phase][signal];
    const isOver = next === "over" && this.#phase !== "over";
    this.#phase = next;
    if (action === "send FIN") this.send("FIN");
    else if (action === "send RESET") this.send("RESET", resetBody(code));
    if (isOver) {
      this.#rest = undefined;
      this.leave();
      this.onOver();
    }
    if (action === "end") this.end();
    else if (action === "cut") this.cut(code);
    else if (action === "cut when sent") this.cutWhenSent(code);
    else if (action === "fail") this.fail("FIN came twice");
  }
}

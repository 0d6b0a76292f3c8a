import { Duplex } from "node:stream";

/**
 * A connection whose bytes go through something else, with the members of `net.Socket` that HTTP and WebSockets use.
 *
 * What a program may set on a socket has no effect here: the connections below have timers, probes and options of their own.
 */
export abstract class StreamSocket extends Duplex {
  /** Does nothing: links notice silence by themselves. */
  setTimeout(): this {
    return this;
  }

  /** Does nothing: bytes are sent at once. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: links notice silence by themselves. */
  setKeepAlive(): this {
    return this;
  }

  /** Does nothing: links do not keep a process alive. */
  ref(): this {
    return this;
  }

  /** Does nothing: links do not keep a process alive. */
  unref(): this {
    return this;
  }

  /** Destroys the stream once all output was sent. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
}

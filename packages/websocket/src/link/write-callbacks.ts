import { soon } from "../core/index.ts";

/**
 * Called when a message has been handed to the system, or with the error that prevented it. A
 * method's type, so that a callback may declare its parameter as an Error.
 */
export type WriteCallback = { called(error?: Error | null): void }["called"];

interface QueuedCallback {
  /** Frames queued before the callback: it is due once all of them are written. */
  readonly position: number;
  readonly callback: WriteCallback;
}

/** The callbacks of messages not written to the stream yet, in order. */
export class WriteCallbacks {
  #queue: QueuedCallback[] = [];

  push(position: number, callback: WriteCallback): void {
    this.#queue.push({ position, callback });
  }

  /** Takes the callbacks of the first `position` frames, as one callback for their write. */
  takeUpTo(position: number): WriteCallback | undefined {
    const queue = this.#queue;
    let count = 0;
    while (count < queue.length && queue[count]!.position <= position) count++;
    if (count === 0) return undefined;
    const taken = queue.splice(0, count);
    return (error) => callAll(taken, error);
  }

  /** Fails all callbacks: the stream is closed. */
  fail(): void {
    const failed = this.#queue;
    this.#queue = [];
    if (failed.length > 0) callAll(failed, new Error("The connection was closed before the message was written"));
  }
}

/** Calls each in a tick of its own: a callback that throws does not affect the others. */
function callAll(queue: readonly QueuedCallback[], error: Error | null | undefined): void {
  for (const { callback } of queue) {
    if (error) soon(callback, error);
    else soon(callWithoutError, callback);
  }
}

/** Without an error, `ws` passes no argument. */
function callWithoutError(callback: WriteCallback): void {
  callback();
}

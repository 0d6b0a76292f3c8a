import { soon } from "../core/index.ts";

/**
 * Called when a message has been handed to the system, or with the error that kept it here. It is the type of a method, so
 * that a callback may declare its parameter as an Error.
 */
export type WriteCallback = { called(error?: Error | null): void }["called"];

interface Waiting {
  /** How many frames had been queued when the callback came: it waits for all of them. */
  readonly position: number;
  readonly callback: WriteCallback;
}

/** The callbacks of messages that have not been written to the stream yet, in their order. */
export class WriteCallbacks {
  #waiting: Waiting[] = [];

  push(position: number, callback: WriteCallback): void {
    this.#waiting.push({ position, callback });
  }

  /** Takes the callbacks of the first `position` frames, as one callback for the write that carries them. */
  takeUpTo(position: number): WriteCallback | undefined {
    const waiting = this.#waiting;
    let count = 0;
    while (count < waiting.length && waiting[count]!.position <= position) count++;
    if (count === 0) return undefined;
    const taken = waiting.splice(0, count);
    return (error) => callAll(taken, error);
  }

  /** The stream is gone: nothing of what waits will be written. */
  fail(): void {
    const failed = this.#waiting;
    this.#waiting = [];
    if (failed.length > 0) callAll(failed, new Error("The connection was closed before the message was written"));
  }
}

/** A callback that throws does so after the others: each is called by Node on its own. */
function callAll(waiting: readonly Waiting[], error: Error | null | undefined): void {
  for (const { callback } of waiting) {
    if (error) soon(callback, error);
    else soon(callWithout, callback);
  }
}

/** Without an error the callback gets no argument. */
function callWithout(callback: WriteCallback): void {
  callback();
}

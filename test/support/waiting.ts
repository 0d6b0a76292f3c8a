import type { EventEmitter } from "node:events";

/** Time limit for one step of a test on a slow machine, in milliseconds. It bounds waits; it never paces them. */
export const PATIENCE = 15_000;

/** Resolves like `promise`, or rejects with a sentence that names the step that exceeded its time. */
export async function within<T>(promise: Promise<T>, what: string | (() => string), ms: number = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${typeof what === "string" ? what : what()}`)), ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Anything with `once`: emitters of Node and of the Socket.IO clients. */
interface Emitting {
  once(event: string, listener: (...args: never[]) => void): unknown;
}

/** Returns the arguments of the next `event` of `emitter`. */
export function nextEvent<T extends unknown[] = unknown[]>(
  emitter: Emitting | EventEmitter,
  event: string,
): Promise<T> {
  const arrived = new Promise<T>((resolve) => {
    (emitter as Emitting).once(event, (...args: unknown[]) => resolve(args as T));
  });
  return within(arrived, `event "${event}"`);
}

/** Waits until all ready work of this process and its loopback sockets has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An awaitable queue: it stores values that arrive before a call of `next`. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #readers: ((item: T) => void)[] = [];
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader) reader(item);
    else this.#items.push(item);
  }

  /** Returns the oldest unread item. */
  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T);
    return within(new Promise<T>((resolve) => this.#readers.push(resolve)), this.#what);
  }

  /** Reads items until one satisfies `wanted`, and returns it. */
  async find(wanted: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next();
      if (wanted(item)) return item;
    }
  }
}

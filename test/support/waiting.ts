import type { EventEmitter } from "node:events";

/** No step of a test takes longer than this on a slow machine; it bounds waits, it never paces them. Milliseconds. */
export const PATIENCE = 15_000;

/** Gives `promise` back, or rejects with a sentence that names what did not happen in time. */
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

/** The arguments of the next `event` of `emitter`. */
export function nextEvent<T extends unknown[] = unknown[]>(
  emitter: Emitting | EventEmitter,
  event: string,
): Promise<T> {
  const arrived = new Promise<T>((resolve) => {
    (emitter as Emitting).once(event, (...args: unknown[]) => resolve(args as T));
  });
  return within(arrived, `event "${event}"`);
}

/** Lets everything that is ready in this process and on its loopback sockets run. */
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

  /** The oldest item not taken yet. */
  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T);
    return within(new Promise<T>((resolve) => this.#readers.push(resolve)), this.#what);
  }

  /** Takes items until one satisfies `wanted`, and gives that one. */
  async find(wanted: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next();
      if (wanted(item)) return item;
    }
  }
}

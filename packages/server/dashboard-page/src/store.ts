/*
 * Values that components follow.
 * Knows: hooks.
 * Must not know: what the values are.
 */
import { useEffect, useState } from "preact/hooks";

/** A value and its followers. */
export class Store<T> {
  #value: T;
  readonly #followers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const follower of this.#followers) follower(value);
  }

  /** Calls the follower for each new value, until the returned function is called. */
  follow(follower: (value: T) => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

/** Returns the value, and draws again for each new one. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(() => store.get());
    return store.follow((next) => setValue(() => next));
  }, [store]);
  return value;
}

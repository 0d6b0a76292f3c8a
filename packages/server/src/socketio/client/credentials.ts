/** What fewer characters take is bounded by the number of namespaces. */
const SMALL = 1000;

/**
 * The size of the credentials (`auth`) that a connection's namespaces keep, in characters of JSON. Only large ones are
 * counted, and whoever has sent none has none of these.
 */
export class Credentials {
  readonly #sizes = new Map<string, number>();
  #sum = 0;

  /**
   * Counts those for a namespace, in place of earlier ones.
   *
   * @returns how much it would be, where that is more than `most`. A single namespace may have any.
   */
  take(name: string, size: number, most: number): number | undefined {
    this.free(name);
    if (size <= SMALL) return undefined;
    const sum = this.#sum + size;
    if (this.#sizes.size > 0 && sum > most) return sum;
    this.#sizes.set(name, size);
    this.#sum = sum;
    return undefined;
  }

  /** The namespace is left. */
  free(name: string): void {
    this.#sum -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
  }
}

/** Characters of JSON; none, where the parser of a program makes something that JSON can't say. */
export function sizeOfAuth(auth: Record<string, unknown>): number {
  if (Object.keys(auth).length === 0) return 0;
  try {
    return (JSON.stringify(auth) as string | undefined)?.length ?? 0;
  } catch {
    return 0;
  }
}

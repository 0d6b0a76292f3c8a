/** Credentials up to this size do not count: the limit of namespaces bounds them. */
const SMALL = 1000;

/**
 * Counts the size of the credentials (`auth`) of one connection, in characters of JSON. Created for connections that send
 * credentials.
 */
export class Credentials {
  readonly #sizes = new Map<string, number>();
  #sum = 0;

  /**
   * Counts the credentials for a namespace, replacing earlier ones.
   *
   * @returns the new sum if it exceeds `most`. Credentials for a single namespace may have any size.
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

  /** Removes the credentials for a namespace. */
  free(name: string): void {
    this.#sum -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
  }
}

/** Returns the size in characters of JSON; 0 for a value of a custom parser that JSON can't represent. */
export function sizeOfAuth(auth: Record<string, unknown>): number {
  if (Object.keys(auth).length === 0) return 0;
  try {
    return (JSON.stringify(auth) as string | undefined)?.length ?? 0;
  } catch {
    return 0;
  }
}

/** Parses the credentials: from the query of the namespace in protocol 4, from the payload in protocol 5. */
export function parseConnect(
  { nsp, data }: { readonly nsp: string; readonly data?: unknown },
  revision: 3 | 4,
): { name: string; auth: Record<string, unknown> } {
  if (revision !== 3) return { name: nsp, auth: (data ?? {}) as Record<string, unknown> };
  const cut = nsp.indexOf("?");
  if (cut === -1) return { name: nsp, auth: {} };
  return { name: nsp.slice(0, cut), auth: Object.fromEntries(new URLSearchParams(nsp.slice(cut + 1))) };
}

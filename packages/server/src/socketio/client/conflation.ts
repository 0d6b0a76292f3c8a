/** The key under which an event of a namespace waits for a peer: those of different namespaces are different. */
export function keyOf(nsp: string, key: string | undefined): string | undefined {
  return key === undefined ? undefined : `${nsp},${key}`;
}

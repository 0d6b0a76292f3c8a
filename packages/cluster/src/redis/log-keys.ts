/** The keys and the channel of the log of a namespace. They share a hash tag, so that one script may use them. */
export interface LogKeys {
  /** Four characters; missing: the log has lost everything. */
  readonly epoch: string;
  /** The number of the last entry. */
  readonly number: string;
  /** A stream with the entries; the id of an entry is its number, field `d` its body. */
  readonly history: string;
  /** A list of `<number> <time>`, by which old entries are trimmed. */
  readonly marks: string;
  readonly channel: string;
  /** The last sequence of a writer. */
  writer(name: string): string;
}

/** `prefix`: of the port, and the name of the cluster. */
export function logKeys(prefix: string, nsp: string): LogKeys {
  const begin = `${prefix}{${nsp}}:`;
  return {
    epoch: `${begin}e`,
    number: `${begin}n`,
    history: `${begin}h`,
    marks: `${begin}m`,
    channel: `${begin}a`,
    writer: (name) => `${begin}w:${name}`,
  };
}

import type { LogPosition } from "../order/log.ts";

/** The keys of the log of a namespace. They share a hash tag, so that one script may use them. */
export interface LogKeys {
  /** A hash: its field is the epoch, four characters, and the value the number of the last entry; missing: all is lost. */
  readonly position: string;
  /** A stream with the entries; the id of an entry is its number, field `d` its body. The channel of this name has the new ones. */
  readonly history: string;
  /** A list of `<number> <time>`, by which old entries are trimmed. */
  readonly marks: string;
  /** The Redis that has given out the numbers, as it names its process. */
  readonly server: string;
  /** The last sequence of a writer. */
  writer(name: string): string;
}

/** Characters of an epoch. */
export const EPOCH_LENGTH = 4;

/** Reads a position, as scripts return it. Undefined: it is malformed. */
export function parsePosition(text: string): LogPosition | undefined {
  const number = text.charAt(EPOCH_LENGTH) === " " ? Number(text.slice(EPOCH_LENGTH + 1)) : NaN;
  return Number.isSafeInteger(number) ? { epoch: text.slice(0, EPOCH_LENGTH), number } : undefined;
}

/** `prefix`: of the port, and the name of the cluster. */
export function logKeys(prefix: string, nsp: string): LogKeys {
  const begin = `${prefix}{${nsp}}:`;
  return {
    position: `${begin}p`,
    history: `${begin}h`,
    marks: `${begin}m`,
    server: `${begin}r`,
    writer: (name) => `${begin}w:${name}`,
  };
}

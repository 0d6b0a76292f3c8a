/** The names that the registry and the carrier use. */
export interface NodeKeys {
  /** The set of tags. */
  readonly tags: string;
  readonly secret: string;
  /** What the keys of records begin with. */
  readonly records: string;
  /** The channel that all nodes hear. */
  readonly channel: string;
  /** The channel that one node hears. */
  channelOf(tag: string): string;
}

/** @param prefix what all names of the cluster begin with */
export function nodeKeys(prefix: string): NodeKeys {
  return {
    tags: `${prefix}nodes`,
    secret: `${prefix}secret`,
    records: `${prefix}n:`,
    channel: `${prefix}c`,
    channelOf: (tag) => `${prefix}c:${tag}`,
  };
}

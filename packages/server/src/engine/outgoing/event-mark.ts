/**
 * Marks the packets of one event while they wait: an event may have several (its text, then its attachments), which are
 * dropped or replaced together. One object per event, shared by its packets.
 */
export class EventMark {
  /** Events with the same key replace each other while they wait; undefined: they do not. */
  readonly key: string | undefined;

  constructor(key?: string) {
    this.key = key;
  }
}

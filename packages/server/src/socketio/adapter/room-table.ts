/** `util.inspect.custom`, under the name by which it can be had without `node:util`. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/**
 * A Map of string to a Set of strings that keeps a Set of one as that string alone.
 *
 * Every socket is alone in a room of its own, and most are in no other one: their two Sets would be a tenth of what an idle
 * connection takes. A Set of one that a program reads is lent: it changes with the table for as long as the program
 * holds it, and takes no memory afterwards.
 */
export class RoomTable extends Map<string, Set<string>> {
  /** The Sets of one that were handed out. */
  #lent: Map<string, WeakRef<LentSet>> | undefined;

  /** What is kept: the Set, or its only element. */
  #kept(key: string): Set<string> | string | undefined {
    return super.get(key);
  }

  #keep(key: string, members: Set<string> | string): void {
    super.set(key, members as Set<string>);
  }

  override get(key: string): Set<string> | undefined {
    const kept = this.#kept(key);
    return typeof kept === "string" ? this.#lend(key, kept) : kept;
  }

  #lend(key: string, member: string): Set<string> {
    const lent = (this.#lent ??= new Map<string, WeakRef<LentSet>>());
    const known = lent.get(key)?.deref();
    if (known !== undefined) return known;
    const members = new LentSet(member, this, key);
    const ref = new WeakRef(members);
    lent.set(key, ref);
    collected.register(members, { lent, key, ref });
    return members;
  }

  /** A lent Set is about to change by itself: it becomes the one that is kept, unless the key has gone. */
  takeBack(key: string, members: LentSet): void {
    if (this.#lent?.get(key)?.deref() !== members) return;
    this.#lent.delete(key);
    this.#keep(key, members);
  }

  /** The Set of one element that a program holds, or a new one. It is about to change, and to be kept. */
  #setOf(key: string, member: string): Set<string> {
    const members = this.#lent?.get(key)?.deref() ?? new Set([member]);
    this.#lent?.delete(key);
    this.#keep(key, members);
    return members;
  }

  override set(key: string, members: Set<string>): this {
    this.#lent?.delete(key);
    return super.set(key, members);
  }

  override delete(key: string): boolean {
    this.#lent?.delete(key);
    return super.delete(key);
  }

  override clear(): void {
    this.#lent = undefined;
    super.clear();
  }

  /** Adds to the Set of a key, which need not exist. False: it was there. */
  add(key: string, member: string): boolean {
    const kept = this.#kept(key);
    // Programs have rooms that are numbers as well: those are kept in a Set, whatever the types say.
    if (kept === undefined) this.#keep(key, typeof member === "string" ? member : new Set([member]));
    else if (kept === member) return false;
    else if (typeof kept === "string") this.#setOf(key, kept).add(member);
    else if (kept.has(member)) return false;
    else kept.add(member);
    return true;
  }

  /** Removes from the Set of a key, which stays where it is, even empty. False: it was not there. */
  remove(key: string, member: string): boolean {
    const kept = this.#kept(key);
    if (kept === undefined) return false;
    if (typeof kept !== "string") return kept.delete(member);
    return kept === member && this.#setOf(key, kept).delete(member);
  }

  /** Removes from the Set of a key, and the key with the last one. */
  prune(key: string, member: string): void {
    const kept = this.#kept(key);
    if (typeof kept === "object") kept.delete(member);
    else if (kept === member) this.#lent?.get(key)?.deref()?.delete(member);
    if (kept === member || (typeof kept === "object" && kept.size === 0)) this.delete(key);
  }

  /** Whether a key has a Set, and that is empty. */
  isEmpty(key: string): boolean {
    const kept = this.#kept(key);
    return typeof kept === "object" && kept.size === 0;
  }

  /** What is in the Set of a key. One of many elements is the Set itself, which changes with it. */
  membersOf(key: string): ReadonlySet<string> {
    const kept = this.#kept(key);
    if (typeof kept === "string") return new Set([kept]);
    return kept ?? NO_MEMBERS;
  }

  override forEach(
    visit: (members: Set<string>, key: string, map: Map<string, Set<string>>) => void,
    self?: unknown,
  ): void {
    for (const [key, members] of this) Reflect.apply(visit, self, [members, key, this]);
  }

  override *entries(): MapIterator<[string, Set<string>]> {
    for (const key of this.keys()) yield [key, this.get(key) as Set<string>];
  }

  override *values(): MapIterator<Set<string>> {
    for (const key of this.keys()) yield this.get(key) as Set<string>;
  }

  override [Symbol.iterator](): MapIterator<[string, Set<string>]> {
    return this.entries();
  }

  /** `console.log(adapter.rooms)` shows the Map that it stands for. */
  [INSPECT](): Map<string, Set<string>> {
    return new Map(this);
  }
}

/** To those who compare (`expect(adapter.rooms).toEqual(new Map(...))`) it is a Map like any other. */
Object.defineProperty(RoomTable.prototype, "constructor", { value: Map });

/** What a table notes of a lent Set. */
interface Loan {
  readonly lent: Map<string, WeakRef<LentSet>>;
  readonly key: string;
  readonly ref: WeakRef<LentSet>;
}

/** Removes the loans of Sets that the program has dropped. */
const collected = new FinalizationRegistry<Loan>(({ lent, key, ref }) => {
  if (lent.get(key) === ref) lent.delete(key);
});

/** A Set of one that a table keeps as a string: before it changes, it asks to be kept itself. */
class LentSet extends Set<string> {
  readonly #table: RoomTable;
  readonly #key: string;

  constructor(member: string, table: RoomTable, key: string) {
    // Not through the constructor of Set, which would call add().
    super();
    this.#table = table;
    this.#key = key;
    super.add(member);
  }

  override add(member: string): this {
    this.#table.takeBack(this.#key, this);
    return super.add(member);
  }

  override delete(member: string): boolean {
    this.#table.takeBack(this.#key, this);
    return super.delete(member);
  }

  override clear(): void {
    this.#table.takeBack(this.#key, this);
    super.clear();
  }
}

/** To those who compare, it is a Set like any other. */
Object.defineProperty(LentSet.prototype, "constructor", { value: Set });

/** The members of a room that does not exist. */
export const NO_MEMBERS: ReadonlySet<string> = new Set();

type Table = Map<string, Set<string>>;

// What an adapter does with its tables, which a program may have replaced by Maps of its own.

/** Adds to the Set of a key, which need not exist. False: it was there. */
export function addMember(table: Table, key: string, member: string): boolean {
  if (table instanceof RoomTable) return table.add(key, member);
  const members = table.get(key);
  if (members === undefined) table.set(key, new Set([member]));
  else if (members.has(member)) return false;
  else members.add(member);
  return true;
}

/** Removes from the Set of a key. False: it was not there. */
export function removeMember(table: Table, key: string, member: string): boolean {
  return table instanceof RoomTable ? table.remove(key, member) : (table.get(key)?.delete(member) ?? false);
}

/** Removes from the Set of a key, and the key with the last one. */
export function pruneMember(table: Table, key: string, member: string): void {
  if (table instanceof RoomTable) return table.prune(key, member);
  const members = table.get(key);
  members?.delete(member);
  if (members?.size === 0) table.delete(key);
}

/** Whether a key has a Set, and that is empty. */
export function isEmptyKey(table: Table, key: string): boolean {
  return table instanceof RoomTable ? table.isEmpty(key) : table.get(key)?.size === 0;
}

/** What is in the Set of a key. */
export function membersOf(table: Table, key: string): ReadonlySet<string> {
  return table instanceof RoomTable ? table.membersOf(key) : (table.get(key) ?? NO_MEMBERS);
}

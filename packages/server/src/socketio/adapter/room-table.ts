/*
 * The rooms of a namespace, and the rooms of a socket, without a Set for each socket that is alone in its own room. These
 * two Sets would be a tenth of the memory of an idle connection.
 *
 * A table stores the Set of one member as that member alone, a string. A program that reads it gets a `LentSet`, which the
 * table references weakly and forgets when the program drops it.
 *
 * Invariants between calls:
 * 1. A value is a string (one member) or a Set (any number, including none). Only Sets are numbers or empty.
 * 2. For each key at most one LentSet is alive and in `#lent`, its content equals the stored string, and the stored value
 *    is that string. So two reads give the same object, and the object follows later changes.
 * 3. A LentSet that changes moves into the table (`takeBack`) before the change, and is then an ordinary value.
 *
 * What would break them: changing a stored string without `#setOf()` (a lent Set would stay behind), or removing a key
 * without deleting its loan (a dead Set would move back in).
 */

/** `util.inspect.custom`, by the name that needs no import of `node:util`. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/**
 * A Map of string to Sets of strings that stores a Set of one member as that string alone. Reading such a key returns a
 * Set that follows the table.
 */
export class RoomTable extends Map<string, Set<string>> {
  /** The Sets that programs have read and may still hold. */
  #lent: Map<string, WeakRef<LentSet>> | undefined;

  /** Returns the stored value: the Set, or its only member. */
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

  /** Stores a lent Set that is about to change, unless its key has gone. */
  takeBack(key: string, members: LentSet): void {
    if (this.#lent?.get(key)?.deref() !== members) return;
    this.#lent.delete(key);
    this.#keep(key, members);
  }

  /** Replaces a stored string by a Set, the lent one if a program holds it. */
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

  /** Adds a member, and the key if it is missing. Returns false if the member was there already. */
  add(key: string, member: string): boolean {
    const kept = this.#kept(key);
    // Untyped programs use numbers as rooms; those are stored in a Set.
    if (kept === undefined) this.#keep(key, typeof member === "string" ? member : new Set([member]));
    else if (kept === member) return false;
    else if (typeof kept === "string") this.#setOf(key, kept).add(member);
    else if (kept.has(member)) return false;
    else kept.add(member);
    return true;
  }

  /** Removes a member. The key stays, even when its Set is empty. Returns false if the member was missing. */
  remove(key: string, member: string): boolean {
    const kept = this.#kept(key);
    if (kept === undefined) return false;
    if (typeof kept !== "string") return kept.delete(member);
    return kept === member && this.#setOf(key, kept).delete(member);
  }

  /** Removes a member, and the key with its last member. */
  prune(key: string, member: string): void {
    const kept = this.#kept(key);
    if (typeof kept === "object") kept.delete(member);
    else if (kept === member) this.#lent?.get(key)?.deref()?.delete(member);
    if (kept === member || (typeof kept === "object" && kept.size === 0)) this.delete(key);
  }

  /** Returns the number of members of a key, 0 if it is missing. Unlike `get()`, it makes no Set. */
  memberCount(key: string): number {
    const kept = this.#kept(key);
    return typeof kept === "string" ? 1 : (kept?.size ?? 0);
  }

  /** Whether a key exists with an empty Set. */
  isEmpty(key: string): boolean {
    const kept = this.#kept(key);
    return typeof kept === "object" && kept.size === 0;
  }

  /** Returns the members. With several of them, this is the stored Set, which changes later. */
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

  /** Makes `console.log(adapter.rooms)` show an ordinary Map. */
  [INSPECT](): Map<string, Set<string>> {
    return new Map(this);
  }
}

/** Makes comparisons treat it as an ordinary Map: `expect(adapter.rooms).toEqual(new Map(...))`. */
Object.defineProperty(RoomTable.prototype, "constructor", { value: Map });

/** The place of a lent Set in its table, for its removal. */
interface Loan {
  readonly lent: Map<string, WeakRef<LentSet>>;
  readonly key: string;
  readonly ref: WeakRef<LentSet>;
}

/** Removes the entries of lent Sets that the program has dropped. */
const collected = new FinalizationRegistry<Loan>(({ lent, key, ref }) => {
  if (lent.get(key) === ref) lent.delete(key);
});

/** The Set of a key that the table stores as a string. Moves into the table before it changes. */
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

/** Makes comparisons treat it as an ordinary Set. */
Object.defineProperty(LentSet.prototype, "constructor", { value: Set });

/** The members of a room that does not exist. */
export const NO_MEMBERS: ReadonlySet<string> = new Set();

type Table = Map<string, Set<string>>;

// The same operations for tables that the program may have replaced by ordinary Maps.

/** Adds a member, and the key if it is missing. Returns false if the member was there already. */
export function addMember(table: Table, key: string, member: string): boolean {
  if (table instanceof RoomTable) return table.add(key, member);
  const members = table.get(key);
  if (members === undefined) table.set(key, new Set([member]));
  else if (members.has(member)) return false;
  else members.add(member);
  return true;
}

/** Removes a member. Returns false if it was missing. */
export function removeMember(table: Table, key: string, member: string): boolean {
  return table instanceof RoomTable ? table.remove(key, member) : (table.get(key)?.delete(member) ?? false);
}

/** Removes a member, and the key with its last member. */
export function pruneMember(table: Table, key: string, member: string): void {
  if (table instanceof RoomTable) return table.prune(key, member);
  const members = table.get(key);
  members?.delete(member);
  if (members?.size === 0) table.delete(key);
}

/** Whether a key exists with an empty Set. */
export function isEmptyKey(table: Table, key: string): boolean {
  return table instanceof RoomTable ? table.isEmpty(key) : table.get(key)?.size === 0;
}

/** Returns the number of members of a key, without making a Set of it. */
export function memberCount(table: ReadonlyMap<string, ReadonlySet<string>>, key: string): number {
  return table instanceof RoomTable ? table.memberCount(key) : (table.get(key)?.size ?? 0);
}

/** Returns the members of a key. The table keeps no Set of them. */
export function membersOf(table: Table, key: string): ReadonlySet<string> {
  return table instanceof RoomTable ? table.membersOf(key) : (table.get(key) ?? NO_MEMBERS);
}

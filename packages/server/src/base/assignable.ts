/** Gives an object a property of its own, in place of one that it inherits. */
export function setOwn(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Lets programs assign members that are accessors here and plain properties in socket.io: the object then has a property
 * of its own with that value, as there.
 */
export function assignable(prototype: object, ...names: string[]): void {
  for (const name of names) {
    const accessor = Object.getOwnPropertyDescriptor(prototype, name);
    const set = function (this: object, value: unknown): void {
      setOwn(this, name, value);
    };
    Object.defineProperty(prototype, name, { ...accessor, set });
  }
}

/** Lets programs assign members that say what an option is: the option is set, by its rules. */
export function storedInOptions(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const accessor = Object.getOwnPropertyDescriptor(prototype, name);
    const set = function (this: { opts: Record<string, unknown> }, value: unknown): void {
      this.opts[name] = value;
    };
    Object.defineProperty(prototype, name, { ...accessor, set });
  }
}

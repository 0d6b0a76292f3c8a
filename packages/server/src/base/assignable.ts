/** Defines an own property that replaces an inherited one. */
export function setOwn(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Makes accessors assignable, because they are plain properties in socket.io. Assigning defines an own property with the
 * value.
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

/** Makes accessors of options assignable. Assigning sets the option, with its checks. */
export function storedInOptions(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const accessor = Object.getOwnPropertyDescriptor(prototype, name);
    const set = function (this: { opts: Record<string, unknown> }, value: unknown): void {
      this.opts[name] = value;
    };
    Object.defineProperty(prototype, name, { ...accessor, set });
  }
}

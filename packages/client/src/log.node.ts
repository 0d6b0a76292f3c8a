import debug from "debug";

type Method = (this: Fields, ...args: Fields[]) => unknown;

/** What lines write of an object that has it: one with the method, or an argument. */
interface Fields {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly data?: unknown;
  readonly nsp?: unknown;
  readonly id?: unknown;
  readonly uri?: unknown;
  readonly _readyState?: unknown;
}

type Arguments = readonly [first: Fields, ...others: Fields[]];

/** What to write of a call: a format and its values; or nothing. */
type Line = (args: Arguments, self: Fields) => unknown[] | undefined;

/** What the package calls whenever scopes are switched. */
interface Saving {
  save(namespaces: string): void;
}

const refreshers: (() => void)[] = [];

function refreshAll(): void {
  for (const refresh of refreshers) refresh();
}

// `debug.disable()` comes by here as well
const { enable } = debug;
debug.enable = (namespaces) => {
  enable.call(debug, namespaces);
  refreshAll();
};

// A program that has taken `enable` out of the package before this one was loaded comes by here alone, at the start of it.
const saving = debug as typeof debug & Saving;
const save = saving.save.bind(debug);
saving.save = (namespaces) => {
  save(namespaces);
  queueMicrotask(refreshAll);
};

/**
 * Logs calls of the methods of a class, while the scope is enabled: by the environment variable `DEBUG`, in browsers by
 * `localStorage.debug`, at run time by `debug.enable()` of the same package `debug`. A silent log costs nothing: the
 * methods are the usual ones then.
 *
 * @param lines by the name of a method that the prototype may own or inherit
 */
export function logCalls(prototype: object, scope: string, lines: Readonly<Record<string, Line>>): void {
  const write = openScope(scope);
  if (!write) return;
  for (const [name, line] of Object.entries(lines)) {
    const usual = Object.getOwnPropertyDescriptor(prototype, name);
    const method = Reflect.get(prototype, name) as Method;
    const value: Method = function (...args) {
      const values = line(args as [Fields], this);
      if (values) write(...(values as [string]));
      return method.apply(this, args);
    };
    refreshers.push(() => {
      if (write.enabled) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
      else if (usual) Object.defineProperty(prototype, name, usual);
      else Reflect.deleteProperty(prototype, name);
    });
  }
  refreshAll();
}

/** The lines of events, by their names. */
export const ofEvents =
  (lines: Readonly<Record<string, Line>>): Line =>
  ([event, ...args], self) =>
    Object.keys(lines).includes(event as string) ? lines[event as string]!(args as [Fields], self) : undefined;

function openScope(scope: string): debug.Debugger | undefined {
  try {
    return debug(scope);
  } catch {
    // a page may lack, or not let read, what the package looks at
    return undefined;
  }
}

import debug from "debug";

type Method = (this: Fields, ...args: Fields[]) => unknown;

/** Properties that log lines may print, of the object with the method or of an argument. */
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

/** Returns the format and values of the line for a call; undefined to skip it. */
type Line = (args: Arguments, self: Fields) => unknown[] | undefined;

/** The function that `debug` calls whenever scopes change. */
interface Saving {
  save(namespaces: string): void;
}

const refreshers: (() => void)[] = [];

function refreshAll(): void {
  for (const refresh of refreshers) refresh();
}

// `debug.disable()` calls this too
const { enable } = debug;
debug.enable = (namespaces) => {
  enable.call(debug, namespaces);
  refreshAll();
};

// For programs that stored `debug.enable` before this module was loaded: `enable` calls `save` first.
const saving = debug as typeof debug & Saving;
const save = saving.save.bind(debug);
saving.save = (namespaces) => {
  save(namespaces);
  queueMicrotask(refreshAll);
};

/**
 * Logs method calls of a class while the scope is enabled: by the environment variable `DEBUG`, in browsers by
 * `localStorage.debug`, at run time by `debug.enable()` of the same package. A disabled log costs nothing, as it leaves the
 * methods unchanged.
 *
 * @param lines lines by method name; the prototype may own or inherit the methods
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

/** Returns a line that depends on the event's name. */
export const ofEvents =
  (lines: Readonly<Record<string, Line>>): Line =>
  ([event, ...args], self) =>
    Object.keys(lines).includes(event as string) ? lines[event as string]!(args as [Fields], self) : undefined;

function openScope(scope: string): debug.Debugger | undefined {
  try {
    return debug(scope);
  } catch {
    // the package reads globals that a page may lack or deny
    return undefined;
  }
}

import { installTimerFunctions } from "../../engine/platform/timers.ts";
import { Emitter } from "../../emitter.ts";
import type { NoEvents } from "../../typed-events.ts";
import { Backoff } from "./backoff.ts";
import type { ManagerReservedEvents } from "./manager-events.ts";
import type { ManagerOptions } from "../options.ts";

/** The settings of a manager: each is read without an argument, and changed with one. Changes apply to what comes next. */
export abstract class ManagerSettings extends Emitter<NoEvents, NoEvents, ManagerReservedEvents> {
  /** The options given. What is changed here applies to the next connection. */
  declare opts: Partial<ManagerOptions>;
  /** The delays between attempts to reconnect. */
  declare readonly backoff: Backoff;
  declare _reconnection: boolean;
  declare _reconnectionAttempts: number;
  declare _timeout: number | false;
  declare private readonly setTimeoutFn: typeof setTimeout;
  declare private readonly clearTimeoutFn: typeof clearTimeout;

  constructor(opts: Partial<ManagerOptions>) {
    super();
    this.opts = { ...opts, path: opts.path || "/socket.io" };
    installTimerFunctions(this, opts);
    this._reconnection = opts.reconnection !== false;
    // no attempts, and no delay between them, have always meant the default
    this._reconnectionAttempts = opts.reconnectionAttempts || Infinity;
    this._timeout = opts.timeout ?? 20_000;
    this.backoff = new Backoff(
      opts.reconnectionDelay || 1000,
      opts.reconnectionDelayMax || 5000,
      opts.randomizationFactor ?? 0.5,
    );
  }

  /** Whether no attempt to reconnect may follow: it was closed, or reconnection switched off. */
  abstract skipReconnect: boolean;

  /** Whether a lost connection is opened again. */
  reconnection(v: boolean): this;
  reconnection(): boolean;
  reconnection(v?: unknown): this | boolean {
    if (v !== undefined && !v) this.skipReconnect = true;
    return access<boolean, this>(this, this, "_reconnection", v === undefined ? v : !!v);
  }

  /** How many times in a row that is tried. */
  reconnectionAttempts(v: number): this;
  reconnectionAttempts(): number;
  reconnectionAttempts(v?: number): this | number {
    return access<number, this>(this, this, "_reconnectionAttempts", v);
  }

  /** Milliseconds before the first attempt. */
  reconnectionDelay(v: number): this;
  reconnectionDelay(): number;
  reconnectionDelay(v?: number): this | number {
    return access<number, this>(this, this.backoff, "ms", v);
  }

  /** The longest delay between attempts, in milliseconds. */
  reconnectionDelayMax(v: number): this;
  reconnectionDelayMax(): number;
  reconnectionDelayMax(v?: number): this | number {
    return access<number, this>(this, this.backoff, "max", v);
  }

  /** How far delays stray at random, from 0 to 1. */
  randomizationFactor(v: number): this;
  randomizationFactor(): number;
  randomizationFactor(v?: number): this | number {
    return access<number, this>(this, this.backoff, "jitter", v);
  }

  /** Milliseconds that opening a connection may take; false for no limit. */
  timeout(v: number | false): this;
  timeout(): number | false;
  timeout(v?: number | false): this | number | false {
    return access<number | false, this>(this, this, "_timeout", v);
  }
}

/** Reads a setting, or changes it where a value is given and returns the manager then. */
function access<Value, Manager>(manager: Manager, holder: object, name: string, value?: Value): Manager | Value {
  const settings = holder as Record<string, Value>;
  if (value === undefined) return settings[name] as Value;
  settings[name] = value;
  return manager;
}

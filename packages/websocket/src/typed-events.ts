import { EventEmitter } from "node:events";

type BoundListener<This, Args extends unknown[]> = (this: This, ...args: Args) => void;
type ListenerMethod = "on" | "once" | "addListener" | "prependListener" | "prependOnceListener";

/** Node's emitter, with typed listeners for known events. Programs may add events of their own. */
export interface TypedEmitter<Events extends Record<keyof Events, unknown[]>> extends Omit<
  EventEmitter,
  ListenerMethod
> {
  /** Adds a listener. */
  on<K extends keyof Events>(event: K, listener: BoundListener<this, Events[K]>): this;
  on(event: string | symbol, listener: BoundListener<this, any[]>): this;
  /** Adds a listener for the next event only. */
  once<K extends keyof Events>(event: K, listener: BoundListener<this, Events[K]>): this;
  once(event: string | symbol, listener: BoundListener<this, any[]>): this;
  /** Does the same as `on`. */
  addListener<K extends keyof Events>(event: K, listener: BoundListener<this, Events[K]>): this;
  addListener(event: string | symbol, listener: BoundListener<this, any[]>): this;
  /** Adds a listener before all others. */
  prependListener<K extends keyof Events>(event: K, listener: BoundListener<this, Events[K]>): this;
  prependListener(event: string | symbol, listener: BoundListener<this, any[]>): this;
  /** Adds a listener for the next event only, before all others. */
  prependOnceListener<K extends keyof Events>(event: K, listener: BoundListener<this, Events[K]>): this;
  prependOnceListener(event: string | symbol, listener: BoundListener<this, any[]>): this;
}

/** `EventEmitter` itself. */
export const TypedEmitter: new <Events extends Record<keyof Events, unknown[]>>() => TypedEmitter<Events> =
  EventEmitter;

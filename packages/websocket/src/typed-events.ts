import { EventEmitter } from "node:events";

type Listener<This, Args extends unknown[]> = (this: This, ...args: Args) => void;
type ListenerMethod = "on" | "once" | "addListener" | "prependListener" | "prependOnceListener";

/** Node's emitter, with typed listeners for known events. Programs may add events of their own. */
export interface TypedEmitter<Events extends Record<keyof Events, unknown[]>> extends Omit<
  EventEmitter,
  ListenerMethod
> {
  on<K extends keyof Events>(event: K, listener: Listener<this, Events[K]>): this;
  on(event: string | symbol, listener: Listener<this, any[]>): this;
  once<K extends keyof Events>(event: K, listener: Listener<this, Events[K]>): this;
  once(event: string | symbol, listener: Listener<this, any[]>): this;
  addListener<K extends keyof Events>(event: K, listener: Listener<this, Events[K]>): this;
  addListener(event: string | symbol, listener: Listener<this, any[]>): this;
  prependListener<K extends keyof Events>(event: K, listener: Listener<this, Events[K]>): this;
  prependListener(event: string | symbol, listener: Listener<this, any[]>): this;
  prependOnceListener<K extends keyof Events>(event: K, listener: Listener<this, Events[K]>): this;
  prependOnceListener(event: string | symbol, listener: Listener<this, any[]>): this;
}

/** `EventEmitter` itself. */
export const TypedEmitter: new <Events extends Record<keyof Events, unknown[]>>() => TypedEmitter<Events> =
  EventEmitter;

import type { ResolvedEngineOptions } from "./options.ts";

/**
 * A value computed from options, and computed again after one of them changes, because programs change options at run time
 * (`io.engine.opts.maxHttpBufferSize = 1e8`). Open sessions use the earlier value.
 */
export class Derived<Value> {
  readonly #options: ResolvedEngineOptions;
  readonly #names: readonly (keyof ResolvedEngineOptions)[];
  readonly #make: () => Value;
  #from: readonly unknown[];
  #value: Value;

  constructor(options: ResolvedEngineOptions, names: readonly (keyof ResolvedEngineOptions)[], make: () => Value) {
    this.#options = options;
    this.#names = names;
    this.#make = make;
    this.#from = names.map((name) => options[name]);
    this.#value = make();
  }

  get value(): Value {
    if (!this.#names.every((name, index) => this.#options[name] === this.#from[index])) {
      this.#from = this.#names.map((name) => this.#options[name]);
      this.#value = this.#make();
    }
    return this.#value;
  }
}

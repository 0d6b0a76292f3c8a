import type { ResolvedEngineOptions } from "./options.ts";

/**
 * Something that is made of options, and made again once one of them has another value: programs change options while the
 * server runs (`io.engine.opts.maxHttpBufferSize = 1e8`). What was made of earlier values stays with its sessions.
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

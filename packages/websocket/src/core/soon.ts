type Tick = <Argument>(this: void, fn: (argument: Argument) => void, argument: Argument) => unknown;

const platform: { readonly nextTick: Tick } = process;

/** What Node had when this file was loaded. Tests replace `process.nextTick`, and forget what they were given. */
const original = platform.nextTick;

/** A call that is due, until it has been made. */
class Call<Argument> {
  #fn: ((argument: Argument) => void) | undefined;
  readonly #argument: Argument;

  constructor(fn: (argument: Argument) => void, argument: Argument) {
    this.#fn = fn;
    this.#argument = argument;
  }

  make(): void {
    const fn = this.#fn;
    this.#fn = undefined;
    fn?.(this.#argument);
  }
}

/** Calls `fn(argument)` once, at the end of this tick. The only caller of `process.nextTick`. */
export function soon<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  const { nextTick } = platform;
  if (nextTick === original) {
    original(fn, argument);
    return;
  }
  // Whether the first or the second is real can't be known: this file, too, may have been loaded in a test.
  const call = new Call(fn, argument);
  original(make, call);
  nextTick(make, call);
}

function make<Argument>(call: Call<Argument>): void {
  call.make();
}

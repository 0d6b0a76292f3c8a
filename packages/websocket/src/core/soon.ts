type Tick = <Argument>(this: void, fn: (argument: Argument) => void, argument: Argument) => unknown;

const platform: { readonly nextTick: Tick } = process;

/**
 * Node's function, saved when this file loads. Test libraries replace
 * `process.nextTick` and may drop its calls.
 */
const original = platform.nextTick;

/** A call that runs at most once. */
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

/** Calls `fn(argument)` once, at the end of this tick. The only user of `process.nextTick`. */
export function soon<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  const { nextTick } = platform;
  if (nextTick === original) {
    original(fn, argument);
    return;
  }
  // Either may be fake: a test may also have loaded this file. Schedule with both.
  const call = new Call(fn, argument);
  original(make, call);
  nextTick(make, call);
}

function make<Argument>(call: Call<Argument>): void {
  call.make();
}

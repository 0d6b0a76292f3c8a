import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { observeServer } from "../../socketio/index.ts";
import type { BoardCore } from "../part.ts";
import { Sampler, UNWATCHED_SHARE } from "./sampler.ts";

/** An error of the program, as `portage.handler_error` has it. */
interface HandlerError {
  readonly server: unknown;
  readonly context: { readonly event?: string | symbol; readonly namespace?: { readonly name?: string } };
}

/** The sampler of a board. It runs as long as a part uses it. */
export class SharedSampler {
  readonly #core: BoardCore;
  readonly sampler: Sampler;
  #users = 0;
  #isScheduled = false;
  #last = 0;
  #end: (() => void) | undefined;

  constructor(core: BoardCore) {
    this.#core = core;
    core.provideRates((sid) => this.#ratesOf(sid));
    this.sampler = new Sampler((namespace, room) => core.io._nsps.get(namespace)?.sockets.has(room) === true);
  }

  #ratesOf(sid: string): { readonly in: number; readonly out: number } {
    const { senders, receivers, in: received, single } = this.sampler;
    return { in: senders.shareOf(sid) * received.all.rate, out: receivers.shareOf(sid) * single.rate };
  }

  start(): void {
    this.#users += 1;
    if (this.#users > 1) return;
    const { io, clock } = this.#core;
    this.#last = clock.now();
    const stop = observeServer(io, this.sampler);
    subscribe("portage.handler_error", this.#onFailure);
    this.#end = () => {
      stop();
      unsubscribe("portage.handler_error", this.#onFailure);
    };
    if (!this.#isScheduled) this.#core.everySecond(() => this.#turn());
    this.#isScheduled = true;
  }

  stop(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#end?.();
    this.#end = undefined;
  }

  #turn(): void {
    if (this.#end === undefined) return;
    const now = this.#core.clock.now();
    this.sampler.turn(now - this.#last, this.#core.isWatched() ? 1 : UNWATCHED_SHARE);
    this.#last = now;
  }

  readonly #onFailure = (message: unknown): void => {
    const { server, context } = message as HandlerError;
    if (server !== this.#core.io || context.event === undefined) return;
    this.sampler.countFailure(context.namespace?.name ?? "/", String(context.event));
  };
}

const sharedSamplers = new WeakMap<BoardCore, SharedSampler>();

/** Returns the sampler that the parts of a board share. */
export function samplerOf(core: BoardCore): SharedSampler {
  const known = sharedSamplers.get(core) ?? new SharedSampler(core);
  sharedSamplers.set(core, known);
  return known;
}

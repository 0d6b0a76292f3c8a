import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, context, type ContextManager, ROOT_CONTEXT } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Keeps the active context across promises, as the SDK for Node.js does. */
class StoredContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<Args extends unknown[], Result>(
    active: Context,
    fn: (...args: Args) => Result,
    self?: unknown,
    ...args: Args
  ): Result {
    return this.#storage.run(active, () => Reflect.apply(fn, self, args));
  }

  bind<Target>(_context: Context, target: Target): Target {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

/** A tracer that keeps its spans in memory. Its context manager is the one of the process. */
export class Recorder {
  readonly exporter = new InMemorySpanExporter();
  readonly provider: BasicTracerProvider;

  /** @param sampler decides which spans are recorded. Default: all */
  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.exporter)];
    this.provider = new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) });
    context.disable();
    context.setGlobalContextManager(new StoredContext());
  }

  /** The ended spans, by name. */
  named(name: string): ReadableSpan[] {
    return this.exporter.getFinishedSpans().filter((span) => span.name === name);
  }

  get names(): string[] {
    return this.exporter.getFinishedSpans().map(({ name }) => name);
  }

  stop(): void {
    context.disable();
  }
}

/** The ids of the spans that a span is linked to. */
export const linksOf = ({ links }: ReadableSpan): string[] => links.map((link) => link.context.spanId);

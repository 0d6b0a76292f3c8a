import {
  type Exemplar,
  Histogram,
  type HistogramReport,
  isAbsent,
  LATENCY_BOUNDS,
  refuseOption,
} from "../../engine/index.ts";

/** Stands for all that have no name of their own in a report. No namespace has it: theirs begin with a slash. */
export const OTHER = "_OTHER";

/** What happened to an event in a namespace. */
export interface EventReport {
  /** Events of clients, after the middlewares. */
  readonly in: number;
  /** Events that the program has emitted; a broadcast counts once, however many clients get it. */
  readonly out: number;
  /** How long its listeners took, in seconds, their promises included. Undefined before the first time. */
  readonly duration?: HistogramReport;
}

/** Counts of an event in a namespace. */
export class EventCounts {
  readonly namespace: string;
  readonly event: string;
  in = 0;
  out = 0;
  #durations: Histogram | undefined;

  constructor(namespace: string, event: string) {
    this.namespace = namespace;
    this.event = event;
  }

  /** Counts how many seconds the listeners took. */
  addDuration(seconds: number): void {
    (this.#durations ??= new Histogram(LATENCY_BOUNDS)).add(seconds);
  }

  /** Keeps an exemplar of a duration. */
  keepExemplar(exemplar: Exemplar): void {
    this.#durations?.keepExemplar(exemplar);
  }

  report(): EventReport {
    const duration = this.#durations?.report();
    return { in: this.in, out: this.out, ...(duration && { duration }) };
  }
}

/** The counts of a namespace, by event. */
type NamespaceCounts = ReadonlyMap<unknown, EventCounts>;

/** Counts the events that the option `eventMetrics` lists, by namespace. Clients can't add to the names. */
export class EventTally {
  readonly #events: readonly string[];
  readonly #namespaces = new Map<string, NamespaceCounts>();

  constructor(events: readonly string[]) {
    this.#events = [...new Set(events), OTHER];
  }

  /** Counts a namespace apart from the others. */
  addNamespace(name: string): NamespaceCounts {
    const counts = new Map(this.#events.map((event) => [event, new EventCounts(name, event)]));
    this.#namespaces.set(name, counts);
    return counts;
  }

  /** Returns the counts of an event. */
  of(namespace: string, event: unknown): EventCounts {
    const counts = this.#namespaces.get(namespace) ?? this.#namespaces.get(OTHER) ?? this.addNamespace(OTHER);
    return counts.get(event) ?? counts.get(OTHER)!;
  }

  report(): Record<string, Record<string, EventReport>> {
    return Object.fromEntries(
      Array.from(this.#namespaces, ([name, counts]) => [
        name,
        Object.fromEntries(Array.from(counts.values(), (each) => [each.event, each.report()])),
      ]),
    );
  }
}

/**
 * Returns what counts the events that the option `eventMetrics` lists; undefined without the option.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function createEventTally(given: unknown): EventTally | undefined {
  if (isAbsent(given)) return undefined;
  const isList = Array.isArray(given) && given.every((name) => typeof name === "string");
  return isList ? new EventTally(given) : refuseOption("eventMetrics", "a list of names", given);
}

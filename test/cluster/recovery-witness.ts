/*
 * What clients have received, and whether recovery has kept its promises: a recovered session has no gap and no double, and no
 * two clients have two events in opposite orders. The offset of an event is its position in the order of all.
 */
import { parseOffset } from "../../packages/cluster/src/order/offset.ts";

interface Seen {
  readonly epoch: string;
  readonly number: number;
  readonly emitter: string;
  readonly count: number;
  readonly kind: string;
}

/** A session, from a connection that was not recovered to the next one. */
interface Life {
  readonly events: Seen[];
  /** All events. Some have no place in the order: a node has delivered them while Redis was away. */
  readonly received: Set<string>;
  /** Events that came twice. */
  readonly doubles: string[];
  /** Recoveries so far. */
  recoveries: number;
}

/** The lives of one client. */
export class ClientWitness {
  readonly room: string;
  readonly lives: Life[] = [];

  constructor(room: string) {
    this.room = room;
  }

  /** The client is connected. */
  connected(recovered: boolean): void {
    if (recovered) this.lives.at(-1)!.recoveries += 1;
    else this.lives.push({ events: [], received: new Set(), doubles: [], recoveries: 0 });
  }

  /** An event, as `onAny` reports it. */
  take([name, emitter, count, kind, offset]: readonly unknown[]): void {
    if (name !== "event") return;
    const life = this.lives.at(-1)!;
    const key = `${String(emitter)} ${String(count)}`;
    if (life.received.has(key)) life.doubles.push(key);
    life.received.add(key);
    const position = parseOffset(String(offset));
    if (position === undefined) return;
    const { epoch, number } = position;
    this.lives
      .at(-1)!
      .events.push({ epoch, number, emitter: String(emitter), count: Number(count), kind: String(kind) });
  }

  get recoveries(): number {
    return this.lives.reduce((sum, { recoveries }) => sum + recoveries, 0);
  }
}

/** Returns a sentence for each broken promise. */
export function faultsOf(clients: readonly ClientWitness[]): string[] {
  const order = new Map<string, Seen>();
  const faults: string[] = [];
  for (const { lives } of clients) {
    for (const event of lives.flatMap(({ events }) => events)) {
      const place = `${event.epoch} ${event.number}`;
      const known = order.get(place) ?? event;
      order.set(place, known);
      if (known.emitter !== event.emitter || known.count !== event.count) faults.push(`two events are at ${place}`);
    }
  }
  for (const [index, { room, lives }] of clients.entries()) {
    for (const { events, received, doubles } of lives) {
      faults.push(...doubles.map((key) => `client ${index}: ${key} came twice`));
      for (const [at, event] of events.entries()) {
        const fault = at === 0 ? undefined : between(events[at - 1]!, event, { room, order, received });
        if (fault !== undefined) faults.push(`client ${index}: ${fault}`);
      }
    }
  }
  return faults;
}

interface Context {
  readonly room: string;
  readonly order: ReadonlyMap<string, Seen>;
  readonly received: ReadonlySet<string>;
}

function between(before: Seen, event: Seen, { room, order, received }: Context): string | undefined {
  // A new epoch begins only where data was lost: nothing is promised across that.
  if (event.epoch !== before.epoch) return undefined;
  if (event.number <= before.number) return `${event.number} came after ${before.number}`;
  for (let number = before.number + 1; number < event.number; number++) {
    const missing = order.get(`${event.epoch} ${number}`);
    const isMeant = missing?.kind === "everybody" || missing?.kind === room;
    if (isMeant && !received.has(`${missing.emitter} ${missing.count}`))
      return `${number} (${missing.emitter} ${missing.count}) is missing between ${before.number} and ${event.number}`;
  }
  return undefined;
}

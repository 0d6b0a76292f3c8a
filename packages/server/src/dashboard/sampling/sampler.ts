/*
 * Looks at no more than 2,000 packets a second, whatever the load, and estimates from them: rates and sizes by event, time in
 * listeners, time to acknowledgements, and which rooms and clients have the largest share.
 * Knows: the interface of a probe.
 * Must not know: the page, and how much is too much.
 */
import type {
  AnswerFollower,
  BroadcastAnswers,
  BroadcastLook,
  PacketFollower,
  PacketLook,
  PacketProbe,
} from "../../socketio/index.ts";
import { type EventFigures, EventTable } from "./event-figures.ts";
import { Pace } from "./pace.ts";
import { cutName } from "../text.ts";
import { ProcessorTime } from "./processor-time.ts";
import { Rolling } from "./rolling.ts";
import { HeavyKeys } from "./sketch.ts";

/** Looks a second: at packets of one client, and at broadcasts. */
const PACKET_LOOKS = 1500;
const BROADCAST_LOOKS = 500;
/** Share of these looks while no page is open: findings need less than figures by the second. */
export const UNWATCHED_SHARE = 0.125;
/** Seconds after which old figures have half their weight. */
const HALF_LIFE = 10;
/** Seconds after which a missing acknowledgement counts as unanswered. */
const ACK_PATIENCE = 10;
/** Events whose acknowledgements are watched at a time. */
const MOST_WATCHED = 1024;
/** The name of packets that are not events. */
const NOT_AN_EVENT = "(no event)";

/** An event that asked for acknowledgements: of one client, or of many. */
interface Watched {
  readonly row: EventFigures;
  readonly turn: number;
  readonly answers: BroadcastAnswers;
}

/** The acknowledgement of one client. */
class OneAnswer implements BroadcastAnswers {
  readonly asked = 1;
  answered = 0;
}

/** Passes the times of a received packet on to its row. */
class ReceivedFollower implements PacketFollower {
  readonly #row: EventFigures;
  readonly #weight: number;
  readonly #processor: ProcessorTime;
  #start = 0;
  #passed = { ms: 0, worked: 0 };

  constructor(row: EventFigures, weight: number, processor: ProcessorTime) {
    this.#row = row;
    this.#weight = weight;
    this.#processor = processor;
  }

  begins(): void {
    this.#start = this.#processor.atStart();
  }

  passed(ms: number): void {
    this.#passed = { ms, worked: this.#processor.since(this.#start, ms) };
  }

  handled(ms: number): void {
    const worked = this.#processor.since(this.#start, ms);
    this.#row.addHandled(this.#passed.ms + ms, this.#weight, this.#passed.worked + worked);
  }

  answered(ms: number): void {
    this.#row.addAck(ms);
  }
}

/** Passes the times of acknowledgements of a sent packet on to its row. */
class SentFollower implements AnswerFollower {
  readonly #row: EventFigures;
  readonly #answer: OneAnswer | undefined;

  constructor(row: EventFigures, answer?: OneAnswer) {
    this.#row = row;
    this.#answer = answer;
  }

  answered(ms: number): void {
    if (this.#answer !== undefined) this.#answer.answered = 1;
    this.#row.addAck(ms);
  }
}

/** The key of a room in {@link Sampler.rooms}. */
export const roomKey = (namespace: string, room: string): string => `${namespace}\0${cutName(room)}`;

/** The parts of such a key. */
export function roomOf(key: string): { readonly namespace: string; readonly room: string } {
  const cut = key.indexOf("\0");
  return { namespace: key.slice(0, cut), room: key.slice(cut + 1) };
}

/** Estimates from a sample; see the head of this file. */
export class Sampler implements PacketProbe {
  left = 1;
  deliveriesLeft = 1;
  /** Events from clients, and events to clients. A broadcast counts once for each receiver. */
  readonly in = new EventTable();
  readonly out = new EventTable();
  /** Packets to one client: {@link out} without broadcasts. */
  readonly single = new Rolling();
  /** Ids of sessions, by the packets that they send and receive. Broadcasts do not count for one receiver. */
  readonly senders = new HeavyKeys();
  readonly receivers = new HeavyKeys();
  /** {@link senders} of the last second alone. */
  sendersLately = new HeavyKeys();
  #sendersNow = new HeavyKeys();
  /** Rooms by deliveries, by {@link roomKey}; the total has all deliveries. */
  readonly rooms = new HeavyKeys();
  /** Rooms by broadcasts, whatever the number of their receivers. */
  readonly addressed = new HeavyKeys();
  readonly #processor: ProcessorTime;
  readonly #packets: Pace;
  readonly #broadcasts: Pace;
  /** Whether a room is the own room of a socket, named by its id. */
  readonly #isOwnRoom: (namespace: string, room: string) => boolean;
  #watched: Watched[] = [];
  #turns = 0;

  constructor(
    isOwnRoom: (namespace: string, room: string) => boolean,
    random: () => number = Math.random,
    processor: ProcessorTime = new ProcessorTime(),
  ) {
    this.#isOwnRoom = isOwnRoom;
    this.#processor = processor;
    this.#packets = new Pace(PACKET_LOOKS, random);
    this.#broadcasts = new Pace(BROADCAST_LOOKS, random);
  }

  /** One packet in so many was looked at. */
  get stride(): number {
    return this.#packets.stride;
  }

  received(look: PacketLook): PacketFollower {
    const weight = this.#lookAtPacket();
    this.senders.add(look.sid, weight);
    this.#sendersNow.add(look.sid, weight);
    return new ReceivedFollower(this.#count(this.in, look, weight), weight, this.#processor);
  }

  sent(look: PacketLook, asks: boolean): AnswerFollower {
    const weight = this.#lookAtPacket();
    this.receivers.add(look.sid, weight);
    this.single.add(weight);
    this.rooms.total += weight;
    const row = this.#count(this.out, look, weight);
    if (!asks) return new SentFollower(row);
    const answer = new OneAnswer();
    this.#watch(row, answer);
    return new SentFollower(row, answer);
  }

  broadcast(look: BroadcastLook, answers?: BroadcastAnswers): AnswerFollower {
    const { weight, left } = this.#broadcasts.look(look.receivers, this.deliveriesLeft);
    this.deliveriesLeft = left;
    const row = this.#count(this.out, look, weight);
    row.addReceivers(look.receivers);
    if (answers !== undefined) this.#watch(row, answers);
    const rooms = [...look.rooms];
    const shared = rooms.filter((room) => !this.#isOwnRoom(look.namespace, room));
    if (shared.length === 0) this.rooms.total += weight;
    for (const room of shared) {
      const key = roomKey(look.namespace, room);
      this.rooms.add(key, weight / shared.length);
      this.addressed.add(key, weight / shared.length / look.receivers);
    }
    return new SentFollower(row);
  }

  #lookAtPacket(): number {
    const { weight, left } = this.#packets.look(1, this.left);
    this.left = left;
    return weight;
  }

  #count(table: EventTable, { namespace, event, size }: Omit<PacketLook, "sid">, weight: number): EventFigures {
    const row = table.at(namespace, event ?? NOT_AN_EVENT);
    row.add(weight, size);
    table.all.add(weight);
    return row;
  }

  #watch(row: EventFigures, answers: BroadcastAnswers): void {
    if (this.#watched.length < MOST_WATCHED) this.#watched.push({ row, turn: this.#turns, answers });
  }

  /** Counts an error of a listener. Exact, unlike the other figures. */
  countFailure(namespace: string, event: string): void {
    this.in.at(namespace, event).failures.add(1);
  }

  /** A second is over, after so many milliseconds. `share`: how much of its budget the next one has. */
  turn(ms: number, share = 1): void {
    this.#turns += 1;
    this.#packets.turn(ms, share);
    this.#broadcasts.turn(ms, share);
    this.#judgeAcks();
    this.sendersLately = this.#sendersNow;
    this.#sendersNow = new HeavyKeys();
    this.in.turn();
    this.out.turn();
    this.single.turn();
    if (this.#turns % HALF_LIFE !== 0) return;
    for (const old of [this.in, this.out, this.senders, this.receivers, this.rooms, this.addressed]) old.halve();
  }

  #judgeAcks(): void {
    const isDue = ({ turn }: Watched): boolean => this.#turns - turn > ACK_PATIENCE;
    for (const { row, answers } of this.#watched.filter(isDue)) {
      row.awaited.add(answers.asked);
      row.unanswered.add(answers.asked - answers.answered);
    }
    this.#watched = this.#watched.filter((watched) => !isDue(watched));
  }
}

/*
 * Polls whose answer goes on: the server sends packets as events of `text/event-stream`, as they come. A proxy may hold an
 * answer back until it is complete. Nothing is lost then, as the server completes it with the next ping at the latest; the
 * client notices at once, and goes on with plain polls.
 *
 * Between calls a stream waits for at most one thing: its beginning, or the packets that the server has counted.
 */
import { after } from "../platform/timers.ts";

/**
 * Bytes of the comment that shows that an answer passes. Fewer could pass where a proxy holds back what follows; an even
 * number could fill the blocks that a proxy passes.
 */
const PRELUDE = 2049;

/** Milliseconds for the comment to arrive, at least. */
const PATIENCE = 150;

/** Milliseconds for counted packets to arrive, and for the comment where one has come: a busy server may be late. */
const LONG_PATIENCE = 1000;

/** Milliseconds for which an origin gets plain polls. */
const PLAIN_TIME = 600_000;

/** What comes before a packet. */
const FIELD = "data: ";

/** The time until which an origin gets plain polls; 0 if its answers have come bit by bit. */
const plainUntil = new Map<string, number>();

/** The transport that a stream belongs to. */
export interface StreamReader {
  /** Takes a packet, not decoded yet. */
  onStreamed_(packet: string): void;
  /** Called if packets do not arrive in time. */
  onHeld_(): void;
}

/**
 * - `asked`: nothing has come, or a plain answer
 * - `open`: the first comment has come
 * - `complete`: the last packet has come, or the client has left
 */
type StreamPhase = "asked" | "open" | "complete";

/** One answer that goes on. */
export interface Stream {
  phase_: StreamPhase;
  /** Bytes to ask for first. */
  readonly prelude_: number;
  /** Takes a part of the answer. */
  take_(chunk: string): void;
  /** Takes the server's count of packets. */
  check_(count: number): void;
  /** Leaves the origin to plain polls, if the answer was one, or was cut off. */
  end_(text?: string): void;
  /** Ignores what comes from now on. */
  leave_(): void;
}

/** Returns what reads an answer of `origin`; undefined if the origin gets plain polls. */
export function openStream(reader: StreamReader, origin: string, took: number | undefined): Stream | undefined {
  const until = plainUntil.get(origin);
  if (Date.now() < until!) return undefined;
  let rest = "";
  let received = 0;
  let stopTimer: (() => void) | undefined;
  const avoid = (): unknown => plainUntil.set(origin, Date.now() + PLAIN_TIME);
  const expect = (count: number, ms: number): void => {
    // in two halves, so that a process that was busy reads what has arrived before it decides
    stopTimer ??= after(reader, ms / 2, () => {
      stopTimer = after(reader, ms / 2, () => {
        stopTimer = undefined;
        if (received >= count) return;
        avoid();
        reader.onHeld_();
      });
    });
  };
  const stream: Stream = {
    phase_: "asked",
    prelude_: until === 0 ? 1 : PRELUDE,
    take_(chunk) {
      rest += chunk;
      // a payload, of a server that does not stream, never begins with a colon; within a packet there is no line break
      if ((stream.phase_ === "asked" && rest[0] !== ":") || !chunk.includes("\n")) return;
      const events = rest.split("\n\n");
      rest = events.pop()!;
      for (const event of events) {
        const text = event.slice(FIELD.length);
        if (event[0] === "d") {
          received++;
          if (endsAnswer(text)) stream.phase_ = "complete";
          reader.onStreamed_(packetIn(text));
        } else if (stream.phase_ === "asked") {
          stream.phase_ = "open";
          stopTimer?.();
          stopTimer = undefined;
          // unless it was held back
          if (plainUntil.get(origin) === until) plainUntil.set(origin, 0);
        }
      }
    },
    check_(count) {
      if (received < count) expect(count, LONG_PATIENCE);
    },
    end_(text) {
      stopTimer?.();
      if (stream.phase_ === (text && rest === text ? "asked" : "open")) avoid();
    },
    leave_() {
      stopTimer?.();
      stream.phase_ = "complete";
    },
  };
  // the time that opening took stands for the round trip
  expect(Infinity, Math.max(until === 0 ? LONG_PATIENCE : PATIENCE, 4 * (took || 0)));
  return stream;
}

/** Whether a packet ends the answer: a ping, a close packet, or an empty noop. */
const endsAnswer = (text: string): boolean => /^(?:[12]|6$)/.test(text);

/** Returns the packet of an event: with a line break in it, it comes as a JSON string. */
function packetIn(text: string): string {
  try {
    if (text[0] === "j") return JSON.parse(text.slice(1));
  } catch {
    // not a packet
  }
  return text;
}

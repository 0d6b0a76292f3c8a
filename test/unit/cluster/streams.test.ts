import { describe, expect, test } from "vitest";
import type { Frame } from "../../../packages/cluster/src/core/frames.ts";
import { LinkStreams, StreamEnd } from "../../../packages/cluster/src/exchange/streams.ts";
import { MemoryLink } from "../../support/cluster/memory-link.ts";

const OWNER_BIT = 0x8000_0000;
const LAST_NUMBER = 0x7fff_ffff;
const CONGESTION = 1_000_000;

/** An end that writes down what it receives. */
class Recorder extends StreamEnd {
  readonly heard: string[] = [];

  onFrame({ type, body }: Frame): void {
    this.heard.push(`${type} ${body.toString()}`);
    if (type === "FIN") this.leave();
  }

  onLinkClose(): void {}

  say(type: "DATA" | "FIN" | "REQUEST", text = ""): void {
    this.send(type, Buffer.from(text));
  }

  end(): void {
    this.leave();
  }
}

/** A front whose next stream has the number after `last`, and an owner. */
function joined(last: number) {
  const links = MemoryLink.pair();
  const accepted: Recorder[] = [];
  const accept = (streams: LinkStreams, { stream }: Frame): void => void accepted.push(new Recorder(streams, stream));
  const [front, owner] = links.map((link, index) => {
    const streams = new LinkStreams(link, { accept }, CONGESTION, index === 0 ? last : 0);
    link.observer = { onFrame: (_link, frame) => streams.onFrame(frame) };
    return streams;
  }) as [LinkStreams, LinkStreams];
  const deliver = (): void => links.forEach((link) => link.deliver());
  const open = (): Recorder => {
    const end = new Recorder(front);
    end.say("REQUEST");
    deliver();
    return end;
  };
  return { links, front, owner, accepted, deliver, open };
}

const numbersOf = (ends: readonly Recorder[]): number[] => ends.map(({ number }) => number);

describe("a link that has opened 2^31 streams", () => {
  test("goes on with the lowest number", () => {
    const { links, accepted, deliver, open } = joined(LAST_NUMBER - 2);
    const ends = [open(), open(), open(), open()];
    expect(numbersOf(accepted)).toEqual([LAST_NUMBER - 1, LAST_NUMBER, 1, 2]);
    accepted.forEach((end, index) => end.say("DATA", String(index)));
    deliver();
    expect(ends.map(({ heard }) => heard)).toEqual([["DATA 0"], ["DATA 1"], ["DATA 2"], ["DATA 3"]]);
    expect(links.flatMap(({ failures }) => failures)).toEqual([]);
  });

  test("leaves out a number that is still in use", () => {
    const { front, accepted, open } = joined(LAST_NUMBER);
    const held = new Recorder(front, OWNER_BIT + 1);
    open();
    held.end();
    open();
    expect(numbersOf(accepted)).toEqual([2, 3]);
  });

  test("ignores frames for streams of earlier numbers that have ended", () => {
    const { links, accepted, deliver, open } = joined(LAST_NUMBER - 2);
    const early = [open(), open()];
    const late = open();
    early.forEach((end) => end.end());
    accepted.forEach((end) => end.say("DATA", "late"));
    deliver();
    expect(late.heard).toEqual(["DATA late"]);
    expect(early.flatMap(({ heard }) => heard)).toEqual([]);
    expect(links.flatMap(({ failures }) => failures)).toEqual([]);
  });
});

test("a frame for a stream that was never opened ends the link", () => {
  const { links, owner, deliver } = joined(0);
  new Recorder(owner, 5).say("DATA");
  deliver();
  expect(links[0].failures).toEqual(["DATA for a stream that was never opened"]);
});

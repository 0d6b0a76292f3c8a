import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installTimerFunctions } from "../../../../../packages/client/src/engine/platform/timers.ts";
import {
  openStream,
  type Stream,
  type StreamReader,
} from "../../../../../packages/client/src/engine/transports/stream.ts";

let origins = 0;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A transport that stores what a stream reports. */
class Stage implements StreamReader {
  readonly opts = {};
  readonly origin = `host${++origins}:80`;
  readonly packets: string[] = [];
  complaints = 0;

  constructor() {
    installTimerFunctions(this, {});
  }

  /** Opens a stream; undefined if the origin gets plain polls. */
  open(took = 10): Stream | undefined {
    return openStream(this, this.origin, took);
  }

  onStreamed_(packet: string): void {
    this.packets.push(packet);
  }

  onHeld_(): void {
    this.complaints++;
  }
}

/** A stage with a stream. */
function begin(took?: number): { stage: Stage; stream: Stream } {
  const stage = new Stage();
  return { stage, stream: stage.open(took)! };
}

describe("a stream", () => {
  test("may come in pieces of any size", () => {
    const text = ':  \n\ndata: 4é\u2028 data: x\n\ndata: j"4two\\nlines"\n\ndata: bAQID\n\ndata: 2\n\n';
    for (let first = 1; first < text.length; first++) {
      for (let second = first; second <= text.length; second += 7) {
        const { stage, stream } = begin();
        for (const chunk of [text.slice(0, first), text.slice(first, second), text.slice(second)]) stream.take_(chunk);
        expect(stage.packets).toEqual(["4é\u2028 data: x", "4two\nlines", "bAQID", "2"]);
        expect(stream.phase_).toBe("complete");
        stream.end_(text);
      }
    }
  });

  test.each(["2", "25", "1", "11012 SERVER_DRAINING", "6"])("is complete with %s", (last) => {
    const { stream } = begin();
    stream.take_(":\n\ndata: 4a\n\n");
    expect(stream.phase_).toBe("open");
    stream.take_(`data: ${last}\n\n`);
    expect(stream.phase_).toBe("complete");
  });

  test.each(["64", "64?", "412", "bAQID"])("goes on after %s", (packet) => {
    const { stream } = begin();
    stream.take_(`:\n\ndata: ${packet}\n\n`);
    expect(stream.phase_).toBe("open");
  });

  test("passes on what is not JSON as it is", () => {
    const { stage, stream } = begin();
    stream.take_(':\n\ndata: j"\n\n');
    expect(stage.packets).toEqual(['j"']);
  });

  test("asks for a large comment until one has come", () => {
    const { stage, stream } = begin();
    expect(stream.prelude_).toBe(2049);
    stream.take_(":\n\n");
    expect(stage.open()?.prelude_).toBe(1);
  });
});

describe("plain polls follow for ten minutes", () => {
  const expectPlain = (stage: Stage): void => {
    expect(stage.open()).toBeUndefined();
    vi.advanceTimersByTime(599_000);
    expect(stage.open()).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(stage.open()?.prelude_).toBe(2049);
  };

  test.each([
    [10, 150],
    [100, 400],
  ])("when nothing comes; opening took %d ms, so the stream has %d ms", (took, patience) => {
    const { stage } = begin(took);
    vi.advanceTimersByTime(patience - 1);
    expect(stage.complaints).toBe(0);
    vi.advanceTimersByTime(1);
    expect(stage.complaints).toBe(1);
    expectPlain(stage);
  });

  test("when nothing comes for a second, where a stream has come before", () => {
    const { stage, stream } = begin();
    stream.take_(":\n\n");
    stage.open();
    vi.advanceTimersByTime(999);
    expect(stage.complaints).toBe(0);
    vi.advanceTimersByTime(1);
    expect(stage.complaints).toBe(1);
    expectPlain(stage);
  });

  test("when a part of the comment comes, and it is completed too late", () => {
    const { stage, stream } = begin();
    stream.take_(":   ");
    vi.advanceTimersByTime(150);
    expect(stage.complaints).toBe(1);
    stream.take_(" \n\ndata: 4a\n\ndata: 6\n\n");
    expect(stage.packets).toEqual(["4a", "6"]);
    stream.end_("all of it");
    expectPlain(stage);
  });

  test("when counted packets do not come within a second", () => {
    const { stage, stream } = begin();
    stream.take_(":\n\ndata: 4a\n\n");
    stream.check_(1);
    vi.advanceTimersByTime(10_000);
    expect(stage.complaints).toBe(0);
    stream.check_(2);
    vi.advanceTimersByTime(600);
    stream.check_(3);
    vi.advanceTimersByTime(399);
    expect(stage.complaints).toBe(0);
    vi.advanceTimersByTime(1);
    expect(stage.complaints).toBe(1);
    expectPlain(stage);
  });

  test("when the answer is cut off", () => {
    const { stage, stream } = begin();
    stream.take_(":\n\ndata: 4a\n\ndata: 4");
    stream.end_();
    expectPlain(stage);
  });

  test("when the server answers plainly", () => {
    const { stage, stream } = begin();
    stream.take_("4a");
    stream.end_("4a");
    expect(stage.packets).toEqual([]);
    expectPlain(stage);
  });
});

describe("the next poll may be a stream again", () => {
  test("after packets that were counted before they came", () => {
    const { stage, stream } = begin();
    stream.take_(":\n\n");
    stream.check_(1);
    vi.advanceTimersByTime(999);
    stream.take_("data: 4a\n\n");
    vi.advanceTimersByTime(1);
    expect(stage.complaints).toBe(0);
    expect(stage.open()).toBeDefined();
  });

  test("after a request without an answer: the server may be away", () => {
    const { stage, stream } = begin();
    stream.end_();
    vi.advanceTimersByTime(10_000);
    expect(stage.complaints).toBe(0);
    expect(stage.open()?.prelude_).toBe(2049);
  });

  test("after an end that the client wanted", () => {
    const { stage, stream } = begin();
    stream.take_(":\n\n");
    stream.leave_();
    stream.end_();
    expect(stage.open()?.prelude_).toBe(1);
  });
});

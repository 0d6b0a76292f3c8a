import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClusterLog, LogEntry, LogFollower, LogPosition } from "../../packages/cluster/src/order/log.ts";

/** A log, as the contract uses it. */
export interface LogRig {
  /** Two nodes. */
  readonly nodes: readonly [ClusterLog, ClusterLog];
  /** Removes everything that the log has stored. */
  empty(): Promise<void>;
  /** Breaks the subscriptions of the second node; they come back by themselves. */
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

/** Records what a follower hears. */
class Recorder implements LogFollower {
  readonly heard: (LogEntry | "interrupted" | LogPosition)[] = [];
  #waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];

  onEntry(entry: LogEntry): void {
    this.#hear(entry);
  }

  onInterrupted(): void {
    this.#hear("interrupted");
  }

  onResumed(position: LogPosition): void {
    this.#hear(position);
  }

  #hear(what: LogEntry | "interrupted" | LogPosition): void {
    this.heard.push(what);
    for (const { isDone, resolve } of this.#waiting) if (isDone()) resolve();
  }

  get entries(): LogEntry[] {
    return this.heard.filter((what): what is LogEntry => typeof what === "object" && "body" in what);
  }

  /** The last position of `onResumed`. */
  get resumedAt(): LogPosition | undefined {
    return this.heard.filter((what): what is LogPosition => typeof what === "object" && !("body" in what)).at(-1);
  }

  until(isDone: (recorder: this) => boolean): Promise<void> {
    if (isDone(this)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isDone: () => isDone(this), resolve }));
  }

  untilBody(text: string): Promise<void> {
    return this.until(({ entries }) => entries.some(({ body }) => body.toString() === text));
  }
}

const bodies = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const textsOf = (entries: readonly LogEntry[]): string[] => entries.map(({ body }) => body.toString());

/** What every log does. */
export function logContract(name: string, open: () => Promise<LogRig>): void {
  describe(name, () => {
    let rig: LogRig;
    let one: ClusterLog;
    let two: ClusterLog;
    let names = 0;
    let nsp = "";
    beforeEach(async () => {
      rig = await open();
      [one, two] = rig.nodes;
      names += 1;
      nsp = `/${name} ${names}`;
    });
    afterEach(() => rig.close());

    const follow = async (log: ClusterLog): Promise<Recorder> => {
      const recorder = new Recorder();
      log.follow(nsp, recorder);
      await recorder.until(({ resumedAt }) => resumedAt !== undefined);
      return recorder;
    };
    const append = (log: ClusterLog, writer: string, sequence: number, ...texts: string[]): Promise<LogPosition> =>
      log.append(nsp, { writer, sequence, bodies: bodies(...texts) });

    test("numbers entries without gaps, and all followers get them in this order", async () => {
      const [first, second] = [await follow(one), await follow(two)];
      expect(first.resumedAt).toEqual(second.resumedAt);
      expect(first.resumedAt).toMatchObject({ number: 0, epoch: expect.stringMatching(/^[\w-]{4}$/) as string });
      for (let i = 0; i < 10; i++) {
        await Promise.all([append(one, "writer-1", i + 1, `a${i}`), append(two, "writer-2", i + 1, `b${i}`)]);
      }
      const last = await append(one, "writer-1", 11, "the", "end");
      expect(last).toEqual({ epoch: first.resumedAt?.epoch, number: 22 });
      await Promise.all([first.untilBody("end"), second.untilBody("end")]);
      expect(first.entries.map(({ number }) => number)).toEqual(Array.from({ length: 22 }, (_, i) => i + 1));
      expect(second.entries).toEqual(first.entries);
      expect(await two.position(nsp)).toEqual(last);
    });

    test("carries any bytes", async () => {
      const recorder = await follow(two);
      const body = Buffer.from([0, 32, 255, 10, 13, 36, 128, 0]);
      await one.append(nsp, { writer: "writer-1", sequence: 1, bodies: [body, Buffer.alloc(0), Buffer.from("end")] });
      await recorder.untilBody("end");
      expect(recorder.entries[0]?.body).toEqual(body);
      expect(recorder.entries[1]?.body).toEqual(Buffer.alloc(0));
      const start = recorder.resumedAt as LogPosition;
      expect(await one.read(nsp, start, 1)).toEqual([recorder.entries[0]]);
    });

    test("stores an entry once if it comes again, alone or with more", async () => {
      const recorder = await follow(two);
      await append(one, "writer-1", 1, "a", "b");
      await append(one, "writer-1", 1, "a", "b");
      await append(one, "writer-1", 2, "b", "c");
      await append(two, "writer-2", 1, "a");
      expect(await append(one, "writer-1", 4, "end")).toMatchObject({ number: 5 });
      await recorder.untilBody("end");
      expect(textsOf(recorder.entries)).toEqual(["a", "b", "c", "a", "end"]);
    });

    test("reads entries in parts, without a gap", async () => {
      await append(one, "writer-1", 1, ...Array.from({ length: 250 }, (_, i) => `${i + 1}`));
      const { epoch } = await two.position(nsp);
      const texts: string[] = [];
      while (texts.length < 240) {
        const part = await two.read(nsp, { epoch, number: texts.length }, 240);
        if (typeof part === "string") throw new Error(part);
        expect(part.length).toBeGreaterThan(0);
        expect(part.map(({ number }) => number)).toEqual(part.map((_, i) => texts.length + i + 1));
        texts.push(...textsOf(part));
      }
      expect(texts).toEqual(Array.from({ length: 240 }, (_, i) => `${i + 1}`));
    });

    test("says that entries are not there any more", async () => {
      await append(one, "writer-1", 1, "a");
      const { epoch } = await two.position(nsp);
      expect(await two.read(nsp, { epoch, number: 1 }, 5)).toBe("trimmed");
      expect(await two.read(nsp, { epoch: "none", number: 0 }, 1)).toBe("epoch");
    });

    test("has a new epoch after it lost everything", async () => {
      const recorder = await follow(two);
      const before = await append(one, "writer-1", 1, "a", "b");
      await recorder.untilBody("b");
      await rig.empty();
      expect(await two.read(nsp, before, 5)).toBe("epoch");
      const after = await append(one, "writer-1", 3, "c");
      expect(after.number).toBe(1);
      expect(after.epoch).not.toBe(before.epoch);
      await recorder.untilBody("c");
      expect(recorder.entries.at(-1)).toMatchObject(after);
    });

    test("gets a new epoch once a node has seen more than it has", async () => {
      const before = await append(one, "writer-1", 1, "a", "b");
      const seen = { epoch: before.epoch, number: 3 };
      const renewed = await two.position(nsp, seen);
      expect(renewed.number).toBe(0);
      expect(renewed.epoch).not.toBe(before.epoch);
      expect(await two.position(nsp, seen)).toEqual(renewed);
      expect(await one.read(nsp, before, 5)).toBe("epoch");
      expect(await append(one, "writer-1", 3, "c")).toEqual({ epoch: renewed.epoch, number: 1 });
      expect(await one.read(nsp, renewed, 1)).toMatchObject([{ number: 1 }]);
    });

    test("reports an interruption, and from where on entries come again", async () => {
      const recorder = await follow(two);
      await append(one, "writer-1", 1, "a");
      await recorder.untilBody("a");
      const start = recorder.resumedAt;
      await rig.interrupt();
      await recorder.until(({ heard }) => heard.includes("interrupted"));
      await recorder.until(({ resumedAt }) => resumedAt !== start);
      await append(one, "writer-1", 2, "b");
      await recorder.untilBody("b");
      const { number = NaN } = recorder.resumedAt ?? {};
      expect(number).toBe(1);
    });

    test("sends nothing to a follower that has left", async () => {
      const [left, follower] = [await follow(two), await follow(one)];
      two.unfollow(nsp, left);
      await append(one, "writer-1", 1, "a");
      await follower.untilBody("a");
      const again = await follow(two);
      expect(again.resumedAt).toMatchObject({ number: 1 });
      await append(one, "writer-1", 2, "b");
      await again.untilBody("b");
      expect(left.entries).toEqual([]);
    });

    test("keeps namespaces apart", async () => {
      const recorder = await follow(two);
      await one.append(`${nsp} other`, { writer: "writer-1", sequence: 1, bodies: bodies("x") });
      expect(await append(one, "writer-1", 1, "a")).toMatchObject({ number: 1 });
      await recorder.untilBody("a");
      expect(textsOf(recorder.entries)).toEqual(["a"]);
    });
  });
}

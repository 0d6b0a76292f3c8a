import { describe, expect, test } from "vitest";
import { Beat, HeartbeatWheel } from "../../../packages/server/src/engine/heartbeat.ts";
import { type Upload, type UploadFailure, Uploads } from "../../../packages/server/src/engine/transports/uploads.ts";
import { FakeClock } from "../support/fake-clock.ts";

const given: string[] = [];

class FakeUpload implements Upload {
  readonly beat = new Beat(this);
  readonly #uploads: Uploads;
  readonly #name: string;
  held = 0;

  constructor(uploads: Uploads, name: string) {
    this.#uploads = uploads;
    this.#name = name;
    uploads.onProgress(this, 0);
  }

  get(bytes: number): void {
    this.held += bytes;
    this.#uploads.onProgress(this, bytes);
  }

  onBeat(): void {
    this.giveUp("POST_LATE");
  }

  giveUp(why: UploadFailure): void {
    given.push(`${this.#name}: ${why}`);
    this.#uploads.onEnd(this);
  }
}

function setUp() {
  given.length = 0;
  const clock = new FakeClock();
  const wheel = new HeartbeatWheel(clock, 20_000, 45_000);
  const uploads = new Uploads(wheel, { maxPendingPostBytes: 100, postTimeout: 10_000 });
  const [a, b, c] = ["a", "b", "c"].map((name) => new FakeUpload(uploads, name)) as [
    FakeUpload,
    FakeUpload,
    FakeUpload,
  ];
  return { clock, uploads, a, b, c };
}

describe("bodies that are not complete", () => {
  test("are given up, the longest-waiting first, when all together hold too much", () => {
    const { uploads, a, b, c } = setUp();
    a.get(40);
    b.get(40);
    a.get(10);
    c.get(10);
    expect([uploads.held, given]).toEqual([100, []]);
    c.get(30);
    expect(given).toEqual(["b: POST_BUDGET"]);
    expect(uploads.held).toBe(90);
    c.get(200);
    expect(given).toEqual(["b: POST_BUDGET", "a: POST_BUDGET", "c: POST_BUDGET"]);
    expect(uploads.held).toBe(0);
  });

  test("are given up when nothing comes of them, but not for a stall of the server", () => {
    const { clock, a, b, c, uploads } = setUp();
    clock.advance(8_000);
    a.get(1);
    clock.stall(60_000);
    b.get(1);
    clock.advance(500);
    expect(given).toEqual([]);
    uploads.onEnd(c);
    clock.advance(11_000);
    expect(new Set(given)).toEqual(new Set(["a: POST_LATE", "b: POST_LATE"]));
    expect(clock.pending).toBe(0);
  });

  test("count no more once they are complete", () => {
    const { uploads, a } = setUp();
    a.get(60);
    uploads.onEnd(a);
    uploads.onEnd(a);
    expect(uploads.held).toBe(0);
  });
});

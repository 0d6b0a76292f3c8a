import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame } from "../../../packages/cluster/src/core/frames.ts";
import type { Link, LinkObserver } from "../../../packages/cluster/src/links/link.ts";
import { Questions } from "../../../packages/cluster/src/questions.ts";
import { FakeClock } from "../support/fake-clock.ts";

const NEXT: LinkObserver = {
  onOpen: () => undefined,
  onFrame: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** Two nodes with a link, whose frames arrive at once. */
function openPair() {
  const clock = new FakeClock();
  const failures: string[] = [];
  const sent: Buffer[] = [];
  const links = new Map<string, Link>();
  const peers = { get: (tag: string) => links.get(tag) };
  const one = new Questions(peers, NEXT, clock);
  const two = new Questions(peers, NEXT, clock);
  const linkTo = (tag: string, to: () => readonly [Questions, Link]): Link => ({
    tag,
    kind: "unix",
    queuedBytes: 0,
    send(bytes) {
      sent.push(bytes);
      const [receiver, link] = to();
      receiver.onFrame(link, decodeFrame(bytes)!);
    },
    probe: () => Promise.resolve(true),
    fail: (why) => void failures.push(why),
  });
  const toTwo = linkTo("two0", () => [two, toOne]);
  const toOne = linkTo("one0", () => [one, toTwo]);
  links.set("two0", toTwo);
  return { clock, one, two, toTwo, toOne, failures, sent };
}

describe("questions between nodes", () => {
  it("are answered, later as well", async () => {
    const { one, two } = openPair();
    two.answer("sum", async (question, from) => [await Promise.resolve(question), from]);
    expect(await one.ask("two0", "sum", { a: 1 })).toEqual([{ a: 1 }, "one0"]);
  });

  it("have not an answer if there is no such node, topic or value, and if the answer fails", async () => {
    const { one, two } = openPair();
    expect(await one.ask("none", "sum", 1)).toBeUndefined();
    expect(await one.ask("two0", "sum", 1)).toBeUndefined();
    const end = two.answer("sum", () => undefined);
    expect(await one.ask("two0", "sum", 1)).toBeUndefined();
    two.answer("failing", () => Promise.reject(new Error("of the part")));
    expect(await one.ask("two0", "failing", 1)).toBeUndefined();
    end();
    expect(await one.ask("two0", "sum", 1)).toBeUndefined();
  });

  it("end after a second, and with the link", async () => {
    const { one, two, clock, toTwo } = openPair();
    two.answer("never", () => new Promise(() => undefined));
    const late = one.ask("two0", "never", 1);
    clock.advance(1000);
    expect(await late).toBeUndefined();
    const lost = one.ask("two0", "never", 1);
    one.onClose(toTwo, "cut");
    expect(await lost).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("have at most 64 KiB, as answers have, and 64 of them wait", async () => {
    const { one, two, sent } = openPair();
    two.answer("long", () => "x".repeat(70_000));
    expect(await one.ask("two0", "long", 1)).toBeUndefined();
    expect(await one.ask("two0", "long", "x".repeat(70_000))).toBeUndefined();
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThan(100);
    two.answer("never", () => new Promise(() => undefined));
    sent.length = 0;
    for (let count = 0; count < 100; count += 1) void one.ask("two0", "never", count);
    expect(sent).toHaveLength(64);
  });

  it("end the link if they are malformed", () => {
    const { one, toTwo, failures } = openPair();
    for (const body of ["", "{}", "[]", '["1","topic"]', "[1.5]", "["]) {
      one.onFrame(toTwo, { type: "ASK", stream: 0, body: Buffer.from(body) });
    }
    one.onFrame(toTwo, decodeFrame(encodeFrame("TELL", 7, Buffer.from("[1]")))!);
    expect(failures).toHaveLength(7);
    one.onFrame(toTwo, decodeFrame(encodeFrame("TELL", 0, Buffer.from("[99,1]")))!);
    expect(failures).toHaveLength(7);
  });
});

import { expect, test } from "vitest";
import { decodePayload, encodePayload } from "../../../../packages/cluster/src/adapter/ordered-payload.ts";
import { decodeEntry, encodeEntry, encodeRetry, isDoubtful } from "../../../../packages/cluster/src/order/entry.ts";
import { Ring } from "../../../../packages/cluster/src/order/ring.ts";
import { Random } from "../../../support/random.ts";

test("an entry says who has written it, and what it is", () => {
  const entry = { writer: "abcdEFGH", sequence: 2 ** 47 + 5, kind: "hole", payload: Buffer.from([1, 2]) } as const;
  expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  const body = encodeEntry({ ...entry, kind: "event", payload: Buffer.alloc(0) });
  expect(decodeEntry(body)).toMatchObject({ kind: "event" });
  for (let length = 0; length < body.length; length++) expect(decodeEntry(body.subarray(0, length))).toBeUndefined();
  body[14] = 3;
  expect(decodeEntry(body)).toBeUndefined();
});

test("an event that is appended again names the epoch of the first attempt", () => {
  const entry = { writer: "abcdEFGH", sequence: 7, kind: "event", payload: Buffer.from([1, 2]) } as const;
  const body = encodeRetry(encodeRetry(encodeEntry(entry), "aaaa"), "bbbb");
  expect(decodeEntry(body)).toEqual({ ...entry, tried: "aaaa" });
  expect(["aaaa", "bbbb"].map((epoch) => isDoubtful(decodeEntry(body)!, epoch))).toEqual([false, true]);
  expect(decodeEntry(body.subarray(0, 18))).toBeUndefined();
  // The log was not known by then.
  expect(decodeEntry(encodeRetry(encodeEntry(entry)))).toEqual({ ...entry, tried: "" });
  const hole = encodeEntry({ ...entry, kind: "hole" });
  expect(encodeRetry(hole, "aaaa")).toBe(hole);
});

test("a payload has receivers, flags and the encoded packet; a malformed one is refused", () => {
  const opts = { rooms: new Set(["a"]), except: new Set(["b", "c"]), flags: { compress: false } };
  const parts = ['51-["x",{"_placeholder":true,"num":0}]', Buffer.from([0, 255])];
  const payload = encodePayload(opts, parts);
  expect(decodePayload(payload)).toEqual({ opts: { ...opts, flags: { compress: false } }, parts });
  const random = new Random(7);
  for (let length = 0; length < payload.length; length++) {
    const cut = decodePayload(payload.subarray(0, length));
    if (cut !== undefined) expect(cut.parts.length).toBeLessThan(2);
  }
  for (let i = 0; i < 2000; i++) {
    const broken = Buffer.from(payload);
    broken[random.below(broken.length)] = random.below(256);
    expect(() => decodePayload(broken)).not.toThrow();
    expect(() => decodePayload(random.bytes(random.below(40)))).not.toThrow();
  }
});

test("a ring returns what follows a position, as long as it has all of it", () => {
  const ring = new Ring<string>({ epoch: "aaaa", number: 5 });
  const at = (number: number) => ({ epoch: "aaaa", number });
  const add = (number: number, now: number, bytes = 10): void =>
    ring.add({ ...at(number), event: `e${number}`, bytes }, now);
  const after = (number: number, epoch = "aaaa") => ring.after({ epoch, number })?.map(({ event }) => event);
  expect([after(5), after(4), after(6), after(5, "bbbb")]).toEqual([[], undefined, undefined, undefined]);
  add(6, 0);
  add(7, 5000);
  expect([after(5), after(6), after(7)]).toEqual([["e6", "e7"], ["e7"], []]);
  ring.addHole(at(8), 5000);
  add(9, 5000);
  expect([after(6), after(7), after(8)]).toEqual([undefined, undefined, ["e9"]]);
  // Ten seconds, and eight million bytes, are the most.
  add(10, 10_000);
  expect(ring.size).toBe(4);
  add(11, 20_001, 7.9e6);
  expect(after(9)).toBeUndefined();
  expect(after(10)).toEqual(["e11"]);
  add(12, 20_002, 2e6);
  expect(after(10)).toBeUndefined();
  expect(ring.bytes).toBeLessThan(8e6);
});

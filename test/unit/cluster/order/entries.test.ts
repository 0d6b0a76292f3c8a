import { expect, test } from "vitest";
import {
  decodePayload,
  encodeCommand,
  encodePayload,
} from "../../../../packages/cluster/src/adapter/ordered-payload.ts";
import {
  sizeInBytes,
  decodeEntry,
  type EntryData,
  encodeEntry,
  encodeRetry,
  isDoubtful,
} from "../../../../packages/cluster/src/order/entry.ts";
import { Ring } from "../../../../packages/cluster/src/order/ring.ts";
import { Random } from "../../../support/random.ts";

/** What other nodes get of it. */
const sent = (encoded: EntryData): Buffer => Buffer.from(encoded as string);

test.each([
  ["a text", 'text "é😀"'],
  ["bytes", Buffer.from([1, 255])],
])("an entry of %s says who has written it, and what it is", (_what, payload) => {
  const sequences = [1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 40 + 2 ** 28 + 3, 2 ** 49 - 1];
  for (const sequence of sequences) {
    const entry = { writer: "abcdEFGH", sequence, kind: "hole", payload } as const;
    const encoded = encodeEntry(entry);
    expect(typeof encoded).toBe(typeof payload);
    expect(sizeInBytes(encoded)).toBe(sent(encoded).length);
    expect(decodeEntry(sent(encoded))).toEqual({ ...entry, payload: sent(payload) });
  }
});

test("a malformed entry is refused", () => {
  const body = sent(encodeEntry({ writer: "abcdEFGH", sequence: 5, kind: "event", payload: "" }));
  expect(decodeEntry(body)).toMatchObject({ kind: "event" });
  for (let length = 0; length < body.length; length++) expect(decodeEntry(body.subarray(0, length))).toBeUndefined();
  body[15] = 3;
  expect(decodeEntry(body)).toBeUndefined();
});

test.each([["a text"], [Buffer.from([1, 255])]])(
  "%o that is appended again names the epoch of the first attempt",
  (payload) => {
    const entry = { writer: "abcdEFGH", sequence: 7, kind: "event", payload } as const;
    const body = sent(encodeRetry(encodeRetry(encodeEntry(entry), "aaaa"), "bbbb"));
    expect(decodeEntry(body)).toEqual({ ...entry, payload: sent(payload), tried: "aaaa" });
    expect(["aaaa", "bbbb"].map((epoch) => isDoubtful(decodeEntry(body)!, epoch))).toEqual([false, true]);
    expect(decodeEntry(body.subarray(0, 19))).toBeUndefined();
    const hole = encodeEntry({ ...entry, kind: "hole" });
    expect(encodeRetry(hole, "aaaa")).toBe(hole);
  },
);

test("a payload may have a command, and the tag of its node", () => {
  const payload = encodeCommand({ from: "aaaa", message: Buffer.from([0, 255]) });
  expect(decodePayload(payload)).toEqual({ from: "aaaa", message: Buffer.from([0, 255]) });
  for (let length = 0; length < payload.length; length++) {
    expect(decodePayload(payload.subarray(0, length))).toBeUndefined();
  }
});

test.each([
  ["an attachment", ['51-["x",{"_placeholder":true,"num":0}]', Buffer.from([0, 255])]],
  ["a text", ['2["x","\u0000 é😀"]']],
  ["two texts", ["a", "b"]],
])("a payload has receivers, flags and the encoded packet, %s; a malformed one is refused", (_what, parts) => {
  const opts = { rooms: new Set(["\u0000 é"]), except: new Set(["b", "c"]), flags: { compress: false } };
  const payload = sent(encodePayload(opts, parts));
  expect(decodePayload(payload)).toEqual({ opts: { ...opts, flags: { compress: false } }, parts });
  const random = new Random(7);
  for (let length = 0; length < payload.length; length++) {
    const cut = decodePayload(payload.subarray(0, length));
    // The log keeps entries whole: the end of a text is not checked.
    if (cut !== undefined && "parts" in cut && parts.length > 1) expect(cut.parts.length).toBeLessThan(parts.length);
  }
  for (let i = 0; i < 2000; i++) {
    const broken = Buffer.from(payload);
    broken[random.below(broken.length)] = random.below(256);
    expect(() => decodePayload(broken)).not.toThrow();
    expect(() => decodePayload(random.bytes(random.below(40)))).not.toThrow();
  }
});

test("a ring returns what follows a position, as long as it has all of it", () => {
  const decoded: number[] = [];
  const ring = new Ring<string>({ epoch: "aaaa", number: 5 }, ({ epoch, number, body }) => {
    decoded.push(number);
    return { epoch, number, event: body.toString(), bytes: body.length };
  });
  const at = (number: number) => ({ epoch: "aaaa", number });
  const add = (number: number, now: number, body = `e${number}`): void =>
    ring.add({ ...at(number), body: Buffer.from(body) }, now);
  const after = (number: number, epoch = "aaaa") => ring.after({ epoch, number })?.map(({ event }) => event);
  expect([after(5), after(4), after(6), after(5, "bbbb")]).toEqual([[], undefined, undefined, undefined]);
  add(6, 0);
  add(7, 5000);
  expect(decoded).toEqual([]);
  expect([after(5), after(6), after(7)]).toEqual([["e6", "e7"], ["e7"], []]);
  ring.addHole(at(8), 5000);
  add(9, 5000);
  expect([after(6), after(7), after(8)]).toEqual([undefined, undefined, ["e9"]]);
  // Each is decoded once, however many clients return.
  expect(decoded).toEqual([6, 7, 9]);
  // What does not follow the last one begins anew.
  add(12, 5000);
  expect([after(8), after(11)]).toEqual([undefined, ["e12"]]);
});

test("a ring keeps ten seconds of events, and eight million bytes", () => {
  const ring = new Ring<number>({ epoch: "aaaa", number: 0 }, ({ epoch, number, body }) => ({
    epoch,
    number,
    event: number,
    bytes: body.length,
  }));
  const beyond = (number: number) => ring.after({ epoch: "aaaa", number })?.map(({ event }) => event);
  let last = 0;
  const add = (bytes: number, now: number): void =>
    ring.add({ epoch: "aaaa", number: ++last, body: Buffer.alloc(bytes) }, now);
  for (let now = 0; now <= 60_000; now += 10) {
    add(100, now);
    if (now % 1000 > 0) continue;
    const tenSeconds = Math.max(0, last - 1001);
    expect(beyond(tenSeconds)).toEqual(Array.from({ length: last - tenSeconds }, (_, index) => tenSeconds + 1 + index));
  }
  // Whole blocks are left out.
  expect(ring.size).toBeLessThan(2500);
  // Half of them are of decoded events.
  expect(ring.bytes).toBeLessThan(600_000);
  for (let count = 0; count < 20; count += 1) {
    add(1e6, 60_000);
    expect(ring.bytes).toBeLessThan(8.2e6);
  }
  expect(beyond(last - 7)).toHaveLength(7);
  expect(beyond(last - 9)).toBeUndefined();
  // Decoded events count as well.
  for (let count = 0; count < 100_000; count += 1) add(20, 60_000);
  const before = ring.bytes;
  beyond(last - 50_000);
  expect(ring.bytes).toBeGreaterThan(before + 5e6);
  for (let count = 0; count < 5000; count += 1) add(20, 60_000);
  expect(ring.bytes).toBeLessThan(8.2e6);
  // A larger entry is kept alone.
  add(9e6, 60_000);
  expect([beyond(last - 1), beyond(last - 2)]).toEqual([[last], undefined]);
});

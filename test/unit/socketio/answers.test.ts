import { describe, expect, test } from "vitest";
import { AnswerWindow } from "../../../packages/server/src/socketio/recovery/answers.ts";

const encode = (args: unknown[]): string[] => [JSON.stringify(args)];

/** A window, and the answers that it sends. */
function create(window = new AnswerWindow()) {
  const sent: unknown[] = [];
  window.sendBy((id, answer) => sent.push([id, ...answer]));
  /** Receives an event and begins its listeners. Returns the function that answers; undefined if it is a repeated one. */
  const receive = (id: number) => {
    const event: unknown[] = ["event"];
    if (!window.accept(id, event)) return undefined;
    event.push(window.acknowledge(id, encode));
    window.begin(event);
    return event[1] as (...args: unknown[]) => void;
  };
  return { window, sent, receive };
}

describe("an event that is repeated", () => {
  test("is answered again", () => {
    const { sent, receive } = create();
    receive(7)?.("a");
    expect(receive(7)).toBeUndefined();
    expect(sent).toEqual([
      [7, '["a"]'],
      [7, '["a"]'],
    ]);
  });

  test("while its listener runs, gets the answer of that", () => {
    const { sent, receive } = create();
    const acknowledge = receive(7);
    expect([receive(7), sent]).toEqual([undefined, []]);
    acknowledge?.("a");
    acknowledge?.("b");
    expect(sent).toEqual([[7, '["a"]']]);
  });

  test("is new if its listener has failed before it answered", () => {
    const { sent, receive, window } = create();
    window.fail(receive(7));
    expect(receive(7)).toBeDefined();
    expect(sent).toEqual([[7]]);
  });

  test("is not new if its listener has failed after the answer", () => {
    const { receive, window } = create();
    const acknowledge = receive(7);
    acknowledge?.();
    window.fail(acknowledge);
    expect(receive(7)).toBeUndefined();
  });

  test("gets the bytes that were answered, although the program has changed them since", () => {
    const { window, sent } = create();
    const bytes = new Uint16Array([1, 2]);
    window.accept(7, []);
    window.acknowledge(7, () => ["text", bytes as never])();
    bytes.fill(0);
    window.accept(7, []);
    const answer = [7, "text", Buffer.from([1, 0, 2, 0])];
    expect(sent).toEqual([answer, answer]);
  });
});

describe("the end of a socket", () => {
  test("events that the listeners have not got are forgotten", () => {
    const { window } = create();
    window.accept(7, []);
    expect(window.record()).toEqual([]);
    window.leave();
    expect(window.accept(7, [])).toBe(true);
  });

  test("the record is plain data, from which another process goes on", () => {
    const { window, receive } = create();
    receive(1)?.("a");
    receive(2);
    const record = window.record();
    expect(record).toEqual([[1, '["a"]'], [2]]);
    const next = create(AnswerWindow.restore(structuredClone(record), () => true));
    expect([next.receive(1), next.receive(2), next.sent]).toEqual([undefined, undefined, [[1, '["a"]']]]);
    expect(next.window.isWaiting).toBe(true);
    next.window.answer(2, ["late"]);
    expect(next.window.isWaiting).toBe(false);
    expect([next.receive(2), next.sent.slice(1)]).toEqual([
      undefined,
      [
        [2, "late"],
        [2, "late"],
      ],
    ]);
  });

  test("an event whose process has ended without an answer is new", () => {
    const { receive } = create(AnswerWindow.restore([[2]], () => false));
    expect(receive(2)).toBeDefined();
  });

  test("an event whose listener has failed in the other process is new", () => {
    const { receive, window } = create(AnswerWindow.restore([[2]], () => true));
    expect(receive(2)).toBeUndefined();
    window.answer(2, []);
    expect(receive(2)).toBeDefined();
  });

  test.each([
    undefined,
    null,
    {},
    [1],
    [[]],
    [["1", "a"]],
    [[1.5, "a"]],
    [[1, 2]],
    [[1, {}]],
    Array.from({ length: 101 }, (_, id) => [id]),
  ])("a malformed record is refused: %j", (record) => {
    expect(AnswerWindow.restore(record)).toBeUndefined();
  });
});

describe("bounds", () => {
  test("a hundred events", () => {
    const { window, receive } = create();
    for (let id = 0; id < 150; id++) receive(id)?.(id);
    expect(window.record().map(([id]) => id)).toEqual(Array.from({ length: 100 }, (_, index) => 50 + index));
  });

  test("16 KiB of answers, and the last one", () => {
    const { window, receive } = create();
    for (let id = 0; id < 20; id++) receive(id)?.("x".repeat(1020));
    expect(window.record()).toHaveLength(16);
    receive(20)?.("x".repeat(100_000));
    expect(window.record().map(([id]) => id)).toEqual([20]);
    receive(21)?.();
    expect(window.record().map(([id]) => id)).toEqual([21]);
  });

  test("a large answer does not make an event new whose listener still runs", () => {
    const { receive, sent } = create();
    const acknowledge = receive(1);
    receive(2)?.("x".repeat(100_000));
    expect(receive(1)).toBeUndefined();
    acknowledge?.("a");
    expect(sent.at(-1)).toEqual([1, '["a"]']);
  });

  test("an answer makes its event the last one", () => {
    const { window, receive } = create();
    const acknowledge = receive(0);
    for (let id = 1; id < 100; id++) receive(id)?.();
    acknowledge?.("x".repeat(16_000));
    receive(100)?.();
    expect(
      window
        .record()
        .slice(-2)
        .map(([id]) => id),
    ).toEqual([0, 100]);
  });
});

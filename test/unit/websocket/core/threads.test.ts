import { describe, expect, it } from "vitest";
import { onThreads, threadsDone } from "../../../../packages/websocket/src/core/deflate/threads.ts";

describe("onThreads", () => {
  it("starts no more than the limit allows, in order", () => {
    const started: string[] = [];
    for (const name of ["a", "b", "c", "d"]) onThreads(2, () => started.push(name));
    expect(started).toEqual(["a", "b"]);
    threadsDone();
    expect(started).toEqual(["a", "b", "c"]);
    threadsDone();
    threadsDone();
    threadsDone();
    expect(started).toEqual(["a", "b", "c", "d"]);
    onThreads(1, () => started.push("e"));
    expect(started).toHaveLength(5);
    threadsDone();
  });

  it("goes on when a start ends at once", () => {
    const started: string[] = [];
    onThreads(1, () => started.push("a"));
    for (const name of ["b", "c"]) {
      onThreads(1, () => {
        started.push(name);
        threadsDone();
      });
    }
    threadsDone();
    expect(started).toEqual(["a", "b", "c"]);
  });
});

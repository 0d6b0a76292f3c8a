import { describe, expect, it } from "vitest";
import { runOnThreads, releaseThread } from "../../../../packages/websocket/src/core/deflate/threads.ts";

describe("runOnThreads", () => {
  it("starts at most as many as the limit, in order", () => {
    const started: string[] = [];
    for (const name of ["a", "b", "c", "d"]) runOnThreads(2, () => started.push(name));
    expect(started).toEqual(["a", "b"]);
    releaseThread();
    expect(started).toEqual(["a", "b", "c"]);
    releaseThread();
    releaseThread();
    releaseThread();
    expect(started).toEqual(["a", "b", "c", "d"]);
    runOnThreads(1, () => started.push("e"));
    expect(started).toHaveLength(5);
    releaseThread();
  });

  it("continues when a start ends at once", () => {
    const started: string[] = [];
    runOnThreads(1, () => started.push("a"));
    for (const name of ["b", "c"]) {
      runOnThreads(1, () => {
        started.push(name);
        releaseThread();
      });
    }
    releaseThread();
    expect(started).toEqual(["a", "b", "c"]);
  });
});

import { expect, test } from "vitest";
import type { ClusterStore } from "../../packages/cluster/src/recovery/store.ts";
import type { LogPosition } from "../../packages/cluster/src/order/log.ts";

/** A store under test. */
export interface StoreUnderTest {
  readonly store: ClusterStore;
  /** Moves the log of a namespace to a position. */
  readonly moveLog: (nsp: string, position: LogPosition) => Promise<void>;
  /** Lets a replica take the place of the server; the log does not know yet. */
  readonly failOver: (nsp: string) => Promise<void>;
  /** Lets time pass. */
  readonly pass: (ms: number) => Promise<void>;
  /** Loses all data. */
  readonly flush: () => Promise<void>;
}

const A = { term: "term of a", tag: "aaaa" };
const B = { term: "term of b", tag: "bbbb" };
const C = { term: "term of c", tag: "cccc" };
const BYTES = Buffer.from([0, 1, 255, 10, 13]);
/** Long enough for the slowest test. */
const LONG = 60_000;

/** What every store of session records does. */
export function storeContract(start: () => Promise<StoreUnderTest>): void {
  let last = 0;
  /** A private id that no other test uses. */
  const newPid = (): string => `secret ${process.pid} ${(last += 1)}`;

  test("a record is taken with its bytes, its last owner and the position of the log", async () => {
    const { store, moveLog } = await start();
    const pid = newPid();
    await moveLog("/news", { epoch: "ep-1", number: 12_345_678_901 });
    expect(await store.put("/news", { pid, record: BYTES, ttl: LONG }, A)).toBe("kept");
    const position = { epoch: "ep-1", number: 12_345_678_901 };
    expect(await store.take("/news", pid, LONG, B)).toEqual({ record: BYTES, previous: A, position });
    expect(await store.take("/news", pid, LONG, B)).toMatchObject({ previous: A });
    expect(await store.take("/news", pid, LONG, C)).toMatchObject({ previous: B });
  });

  test("the position of an empty log has no epoch", async () => {
    const { store } = await start();
    const [nsp, pid] = [`/${newPid()}`, newPid()];
    await store.put(nsp, { pid, record: BYTES, ttl: LONG }, A);
    expect(await store.take(nsp, pid, LONG, B)).toMatchObject({ position: { epoch: "", number: 0 } });
  });

  test("the position is not known after a fail-over, until the log has moved on", async () => {
    const { store, moveLog, failOver } = await start();
    const [nsp, pid] = [`/${newPid()}`, newPid()];
    await moveLog(nsp, { epoch: "ep-1", number: 7 });
    await store.put(nsp, { pid, record: BYTES, ttl: LONG }, A);
    await failOver(nsp);
    const taken = { record: BYTES, previous: A };
    expect(await store.take(nsp, pid, LONG, B)).toEqual({ ...taken, position: { epoch: "", number: 0 } });
    await moveLog(nsp, { epoch: "ep-2", number: 0 });
    expect(await store.take(nsp, pid, LONG, B)).toEqual({ ...taken, position: { epoch: "ep-2", number: 0 } });
  });

  test("the owner writes its record again, and an earlier owner does not", async () => {
    const { store } = await start();
    const pid = newPid();
    await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    expect(await store.put("/", { pid, record: Buffer.from("two"), ttl: LONG }, { ...A, tag: "a2a2" })).toBe("kept");
    expect(await store.take("/", pid, LONG, B)).toMatchObject({
      record: Buffer.from("two"),
      previous: { tag: "a2a2" },
    });
    expect(await store.put("/", { pid, record: BYTES, ttl: LONG }, A)).toBe("taken");
    expect(await store.put("/", { pid, record: Buffer.from("three"), ttl: LONG }, B)).toBe("kept");
    expect(await store.take("/", pid, LONG, A)).toMatchObject({ record: Buffer.from("three") });
  });

  test("a term of the same node is another one", async () => {
    const { store } = await start();
    const pid = newPid();
    const again = { ...A, term: "another term of a" };
    await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    await store.take("/", pid, LONG, again);
    expect(await store.put("/", { pid, record: BYTES, ttl: LONG }, A)).toBe("taken");
    expect(await store.renew("/", [{ pid, ...A }], LONG)).toEqual(["taken"]);
    expect(await store.put("/", { pid, record: BYTES, ttl: LONG }, again)).toBe("kept");
  });

  test("the owner removes its record, and an earlier owner does not", async () => {
    const { store } = await start();
    const pid = newPid();
    await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    await store.take("/", pid, LONG, B);
    await store.remove("/", { pid, ...A }, LONG);
    expect(await store.take("/", pid, LONG, B)).toBeDefined();
    await store.remove("/", { pid, ...B }, LONG);
    await store.remove("/", { pid, ...B }, LONG);
    expect(await store.take("/", pid, LONG, B)).toBeUndefined();
  });

  test("an earlier owner does not write a record anew that a later one has removed", async () => {
    const { store, pass } = await start();
    const [taken, own] = [newPid(), newPid()];
    for (const pid of [taken, own]) await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    await store.take("/", taken, LONG, B);
    await store.remove("/", { pid: taken, ...B }, 300);
    expect(await store.put("/", { pid: taken, record: BYTES, ttl: LONG }, A)).toBe("taken");
    expect(await store.renew("/", [{ pid: taken, ...A }], LONG)).toEqual(["taken"]);
    await store.remove("/", { pid: own, ...A }, LONG);
    expect(await store.renew("/", [{ pid: own, ...A }], LONG)).toEqual(["missing"]);
    await pass(400);
    expect(await store.put("/", { pid: taken, record: BYTES, ttl: LONG }, A)).toBe("kept");
  });

  test("namespaces and private ids are apart", async () => {
    const { store } = await start();
    const pid = newPid();
    await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    expect(await store.take("/other", pid, LONG, B)).toBeUndefined();
    expect(await store.take("/", `${pid}x`, LONG, B)).toBeUndefined();
    expect(await store.take("/", "", LONG, B)).toBeUndefined();
    expect(await store.take("/", `${"long".repeat(10_000)}\0\n`, LONG, B)).toBeUndefined();
  });

  test("a record expires", async () => {
    const { store, pass } = await start();
    const [first, second] = [newPid(), newPid()];
    await store.put("/", { pid: first, record: BYTES, ttl: 30 }, A);
    await store.put("/", { pid: second, record: BYTES, ttl: LONG }, A);
    await store.put("/", { pid: second, record: BYTES, ttl: 30 }, A);
    await pass(60);
    expect(await store.take("/", first, LONG, B)).toBeUndefined();
    expect(await store.take("/", second, LONG, B)).toBeUndefined();
    await store.put("/", { pid: first, record: BYTES, ttl: Infinity }, A);
    expect(await store.take("/", first, 1, B)).toBeDefined();
  });

  test("a record that was taken lives for the given time at least", async () => {
    const { store, pass } = await start();
    const [short, long] = [newPid(), newPid()];
    await store.put("/", { pid: short, record: BYTES, ttl: 300 }, A);
    await store.take("/", short, LONG, B);
    await store.put("/", { pid: long, record: BYTES, ttl: LONG }, A);
    await store.take("/", long, 1, B);
    await pass(400);
    expect(await store.take("/", short, 1, B)).toBeDefined();
    expect(await store.take("/", long, 1, B)).toBeDefined();
  });

  test("records are renewed together, each with its outcome", async () => {
    const { store, pass } = await start();
    const [own, taken, missing] = [newPid(), newPid(), newPid()];
    await store.put("/", { pid: own, record: BYTES, ttl: 500 }, A);
    await store.put("/", { pid: taken, record: BYTES, ttl: LONG }, A);
    await store.take("/", taken, LONG, B);
    expect(
      await store.renew(
        "/",
        [own, taken, missing].map((pid) => ({ pid, ...A })),
        LONG,
      ),
    ).toEqual(["kept", "taken", "missing"]);
    await pass(600);
    expect(await store.take("/", own, LONG, B)).toMatchObject({ record: BYTES });
  });

  test("a record that is lost alone is not written again in the same epoch", async () => {
    const { store, moveLog, failOver, flush } = await start();
    const [nsp, pid] = [`/${newPid()}`, newPid()];
    const put = (epoch?: string): Promise<unknown> => store.put(nsp, { pid, record: BYTES, ttl: LONG, epoch }, A);
    await moveLog(nsp, { epoch: "ep-1", number: 7 });
    expect(await put("ep-1")).toBe("missing");
    expect(await put("ep-0")).toBe("kept");
    expect(await put("ep-1")).toBe("kept");
    await store.remove(nsp, { pid, ...A }, LONG);
    expect(await put()).toBe("kept");
    await flush();
    await moveLog(nsp, { epoch: "ep-1", number: 9 });
    expect(await put("ep-1")).toBe("missing");
    await failOver(nsp);
    expect(await put("ep-1")).toBe("kept");
  });

  test("after a loss of data, records are missing and can be written again", async () => {
    const { store, flush } = await start();
    const pid = newPid();
    await store.put("/", { pid, record: BYTES, ttl: LONG }, A);
    await flush();
    expect(await store.take("/", pid, LONG, B)).toBeUndefined();
    expect(await store.renew("/", [{ pid, ...A }], LONG)).toEqual(["missing"]);
    expect(await store.put("/", { pid, record: BYTES, ttl: LONG }, A)).toBe("kept");
  });
}

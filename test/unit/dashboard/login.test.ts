import { expect, test } from "vitest";
import { Access } from "../../../packages/server/src/dashboard/access.ts";
import { Failures, Logins, Secret } from "../../../packages/server/src/dashboard/login.ts";
import { FakeClock } from "../support/fake-clock.ts";

const HOUR = 3_600_000;

test("a login ends after an hour without a request", () => {
  const clock = new FakeClock();
  const logins = new Logins(clock);
  const id = logins.open("ada");
  clock.advance(HOUR - 1);
  expect(logins.use(id)).toBe("ada");
  clock.advance(HOUR);
  expect(logins.use(id)).toBeUndefined();
});

test("a login that is used ends after 8 hours", () => {
  const clock = new FakeClock();
  const logins = new Logins(clock);
  const id = logins.open("ada");
  for (let half = 1; half < 16; half += 1) {
    clock.advance(HOUR / 2);
    expect(logins.use(id)).toBe("ada");
  }
  clock.advance(HOUR / 2);
  expect(logins.use(id)).toBeUndefined();
});

test("ids of logins have 128 bits, and an unknown one has no name", () => {
  const logins = new Logins(new FakeClock());
  const ids = Array.from({ length: 50 }, () => logins.open("ada"));
  expect(new Set(ids).size).toBe(50);
  for (const id of ids) expect(Buffer.from(id, "base64url")).toHaveLength(16);
  for (const id of ["", "x", ids[0]!.slice(1)]) expect(logins.use(id)).toBeUndefined();
});

test("failures are forgotten after a minute, each at its time", () => {
  const clock = new FakeClock();
  const failures = new Failures(clock);
  for (let count = 0; count < 5; count += 1) {
    expect(failures.wait("one")).toBe(0);
    failures.add("one");
    clock.advance(10_000);
  }
  expect([failures.wait("one"), failures.wait("other")]).toEqual([10_000, 0]);
  clock.advance(10_000);
  expect(failures.wait("one")).toBe(0);
});

test("all addresses of a network of IPv6 have five attempts together", () => {
  const failures = new Failures(new FakeClock());
  for (const host of ["1", "2", "a:b:c:d", "ffff", "3"])
    failures.add(`2001:db8:0:7:${host.includes(":") ? "" : ":"}${host}`);
  expect(failures.wait("2001:db8:0:7::9")).toBe(60_000);
  for (const other of ["2001:db8:0:8::9", "::1", "::ffff:1.2.3.4", "1.2.3.4"]) expect(failures.wait(other)).toBe(0);
});

test("a secret with a user needs both", () => {
  const secret = new Secret("ada", "lovelace");
  expect(secret.equals({ user: "ada", password: "lovelace" })).toBe(true);
  expect(secret.equals({ user: "ada", password: "" })).toBe(false);
  expect(secret.equals({ user: "", password: "lovelace" })).toBe(false);
  expect(new Secret(undefined, "token").equals({ user: "", password: "token" })).toBe(true);
});

test("cookies of strangers make at most 16 questions to other nodes at a time", async () => {
  const open: ((answer: unknown) => void)[] = [];
  const nodes = { answer: () => undefined, findFirst: () => new Promise((resolve) => open.push(resolve)) };
  const options = { auth: { token: "abc" }, role: "view", path: "/dashboard", payloads: "shape", gauges: {} } as const;
  const access = new Access(options, new FakeClock(), nodes as never);
  const ask = (): Promise<unknown> =>
    access.check({ headers: { cookie: `portage-dashboard=${"x".repeat(22)}` } } as never);
  const asked = Array.from({ length: 100 }, ask);
  expect(open).toHaveLength(16);
  for (const answer of open.splice(0)) answer(undefined);
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["LOGIN_NEEDED"]));
  const known = ask();
  open[0]?.("ada");
  expect(await known).toEqual({ role: "view", name: "ada" });
});

import { expect, test } from "vitest";
import { Credentials, sizeOfAuth } from "../../../packages/server/src/socketio/client/credentials.ts";

test.each<[Record<string, unknown>, number]>([
  [{}, 0],
  [{ token: "abc" }, 15],
  [{ id: 7n }, 0],
  [{ toJSON: () => undefined }, 0],
])("the size of credentials is that of their JSON, if there is any: %o", (auth, size) => {
  expect(sizeOfAuth(auth)).toBe(size);
});

test("small ones don't count, one may be of any size, and released room is available again", () => {
  const credentials = new Credentials();
  expect(credentials.take("/a", 1000, 5000)).toBeUndefined();
  expect(credentials.take("/b", 9000, 5000)).toBeUndefined();
  expect(credentials.take("/c", 1001, 5000)).toBe(10_001);
  expect(credentials.take("/b", 2000, 5000)).toBeUndefined();
  expect(credentials.take("/c", 1001, 5000)).toBeUndefined();
  credentials.free("/b");
  expect(credentials.take("/d", 4000, 5000)).toBe(5001);
});

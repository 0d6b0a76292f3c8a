import { describe, expect, test } from "vitest";
import { resolveLinks } from "../../../../packages/cluster/src/redis/link-options.ts";
import { decodeNode, encodeNode } from "../../../../packages/cluster/src/redis/node-record.ts";
import { ownAddress } from "../../../../packages/cluster/src/redis/own-address.ts";
import type { RedisPort } from "../../../../packages/cluster/src/redis/port.ts";

const PLAIN = { host: undefined, port: 0, advertise: undefined, doorTls: undefined, routeTls: undefined };

describe("the option links", () => {
  test.each([
    [undefined, PLAIN],
    ["auto", PLAIN],
    ["bus", undefined],
    [
      { host: "::1", port: 7000 },
      { ...PLAIN, host: "::1", port: 7000 },
    ],
    [{ advertise: "node-1.example" }, { ...PLAIN, advertise: { host: "node-1.example", port: undefined } }],
    [{ advertise: "10.0.0.1:7000" }, { ...PLAIN, advertise: { host: "10.0.0.1", port: 7000 } }],
    [{ advertise: "fd00::1" }, { ...PLAIN, advertise: { host: "fd00::1", port: undefined } }],
    [{ advertise: "[fd00::1]:7000" }, { ...PLAIN, advertise: { host: "fd00::1", port: 7000 } }],
  ])("%j", (given, plan) => {
    expect(resolveLinks(given)).toEqual(plan);
  });

  test.each([
    ["tcp", "links"],
    [null, "links"],
    [{ host: "a b" }, "links.host"],
    [{ port: -1 }, "links.port"],
    [{ port: 65_536 }, "links.port"],
    [{ port: "80" }, "links.port"],
    [{ advertise: "host:port" }, "links.advertise"],
    [{ advertise: ":80" }, "links.advertise"],
    [{ advertise: "[nothing]:80x" }, "links.advertise"],
    [{ advertise: 5 }, "links.advertise"],
    [{ tls: {} }, "links.tls"],
    [{ tls: true }, "links.tls"],
  ])("%j is refused", (given, option) => {
    const expected = { code: "OPTION_INVALID", message: expect.stringContaining(`the option ${option} of`) };
    expect(() => resolveLinks(given)).toThrow(expect.objectContaining(expected));
  });

  test("a certificate vouches for itself, on both sides, unless there is an authority", () => {
    const { doorTls, routeTls } = resolveLinks({ tls: { key: "k", cert: "c" } })!;
    expect(doorTls).toEqual({ key: "k", cert: "c", ca: "c", requestCert: true, rejectUnauthorized: true });
    expect(routeTls).toMatchObject({ key: "k", cert: "c", ca: "c", rejectUnauthorized: true });
    expect(resolveLinks({ tls: { key: "k", cert: "c", ca: "a" } })!.routeTls).toMatchObject({ ca: "a" });
  });
});

describe("the record of a node", () => {
  const life = "abcdefghijklmnopqrstuv";

  test.each([{ host: "10.0.0.1", port: 7000 }, { host: "fd00::1", port: 1 }, undefined])(
    "with address %j",
    (address) => {
      expect(decodeNode(encodeNode({ life, address }))).toEqual({ life, address });
    },
  );

  test.each([
    "",
    "{",
    "null",
    "[]",
    "{}",
    JSON.stringify({ life: "short" }),
    JSON.stringify({ life, host: "10.0.0.1" }),
    JSON.stringify({ life, port: 7000 }),
    JSON.stringify({ life, host: "http://x/", port: 7000 }),
    JSON.stringify({ life, host: "10.0.0.1", port: 70_000 }),
    JSON.stringify({ life, more: "x".repeat(2000) }),
  ])("%j is malformed", (text) => {
    expect(decodeNode(text)).toBeUndefined();
  });
});

describe("the address by which a host reaches Redis", () => {
  const address = (given: string, internal: boolean, family: "IPv4" | "IPv6" = "IPv4"): object => ({
    address: given,
    internal,
    family,
  });
  const interfaces = {
    lo: [address("127.0.0.1", true)],
    eth0: [address("fd00::7", false, "IPv6"), address("10.0.0.7", false)],
    eth1: [address("192.168.0.7", false)],
  };
  const seenAs = (reply: string | Error): Promise<string> => {
    const command = (): Promise<unknown> =>
      reply instanceof Error ? Promise.reject(reply) : Promise.resolve(Buffer.from(reply));
    return ownAddress({ command } as unknown as RedisPort, interfaces as never);
  };

  test.each([
    ["id=3 addr=192.168.0.7:50000 laddr=192.168.0.1:6379 name=", "192.168.0.7"],
    ["id=3 addr=[fd00::7]:50000 laddr=[fd00::1]:6379 name=", "fd00::7"],
    ["id=3 addr=[::ffff:10.0.0.7]:50000 name=", "10.0.0.7"],
    ["id=3 addr=127.0.0.1:50000 name=", "127.0.0.1"],
    ["id=3 addr=/run/redis.sock:0 name=", "127.0.0.1"],
    // Behind address translation.
    ["id=3 addr=203.0.113.9:50000 name=", "10.0.0.7"],
    ["", "10.0.0.7"],
  ])("%j", async (reply, expected) => {
    expect(await seenAs(reply)).toBe(expected);
  });

  test("is the host's own where Redis does not say", async () => {
    expect(await seenAs(new Error("NOPERM"))).toBe("10.0.0.7");
  });
});

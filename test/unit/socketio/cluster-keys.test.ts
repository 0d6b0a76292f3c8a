import { createHash, createHmac } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ClusterKeys } from "../../../packages/server/src/socketio/adapter/cluster/keys.ts";

const [OLD, NEW, OTHER] = ["old secret of the cluster", "new secret of the cluster", "secret of somebody else"];
const said = ["some text", Buffer.from([1, 2, 3]), "and more"];

describe("the secrets of a cluster", () => {
  test("sign by HMAC-SHA256 of the message's digest", () => {
    const digest = createHash("sha256")
      .update(Buffer.concat(said.map((it) => Buffer.from(it))))
      .digest();
    const mac = createHmac("sha256", OLD).update(digest).digest("base64url");
    expect(new ClusterKeys(OLD).sign(said)).toBe(`v1.${mac}`);
    expect(new ClusterKeys(OLD).verify(said, `v1.${mac}`)).toBe(true);
  });

  test("can be rotated: the first signs, all verify", () => {
    const [old, both, young] = [new ClusterKeys(OLD), new ClusterKeys([NEW, OLD]), new ClusterKeys(NEW)];
    expect(both.verify(said, old.sign(said))).toBe(true);
    expect(young.verify(said, both.sign(said))).toBe(true);
    expect(old.verify(said, both.sign(said))).toBe(false);
    expect(both.verify(said, new ClusterKeys(OTHER).sign(said))).toBe(false);
  });

  test.each(["", "v1.", "v1.AAAA", "v2.", "v1", "\u{1f600}", "v1.".repeat(1000)])("do not take %j for one", (junk) => {
    expect(new ClusterKeys([NEW, OLD]).verify(said, junk)).toBe(false);
  });

  test("reject any change of the message or the signature", () => {
    const keys = new ClusterKeys(OLD);
    const signature = keys.sign(said);
    expect(keys.verify([...said, " "], signature)).toBe(false);
    expect(keys.verify([], signature)).toBe(false);
    expect(keys.verify(said, signature.replace("v1.", "v2."))).toBe(false);
    for (let at = 3; at < signature.length - 1; at += 1) {
      const changed = `${signature.slice(0, at)}${signature[at] === "A" ? "B" : "A"}${signature.slice(at + 1)}`;
      expect(keys.verify(said, changed)).toBe(false);
    }
  });

  test.each([[""], ["fifteen letters"], [[]], [[OLD, "short"]], [null], [7], [{}], [[undefined]]])(
    "are none: %j",
    (secret) => {
      const code = "CLUSTER_SECRET_INVALID";
      expect(() => new ClusterKeys(secret)).toThrow(expect.objectContaining({ name: "SocketIoError", code }) as Error);
    },
  );

  test("are not printed", () => {
    expect(inspect(new ClusterKeys(OLD), { depth: 9, showHidden: true })).not.toContain("old secret");
  });
});

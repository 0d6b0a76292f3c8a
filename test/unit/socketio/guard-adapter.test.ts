import { createRequire } from "node:module";
import { Adapter, SessionAwareAdapter } from "@portage/server/adapter";
import { Server } from "@portage/server";
import { describe, expect, test, vi } from "vitest";
import { Bench } from "./peer.ts";

const beside = (name: string): NodeJS.Require => createRequire(createRequire(import.meta.url).resolve(name));
const npm = beside("socket.io")("socket.io-adapter") as { Adapter: typeof Adapter };
const clusterSecret = "secret of the cluster";
const withCode = (code: string): Error => expect.objectContaining({ name: "SocketIoError", code }) as Error;

describe("where a secret is set", () => {
  test.each([
    ["the default", {}],
    ["the default with recovery", { connectionStateRecovery: {} }],
    ["one that is named", { adapter: Adapter }],
    ["one that keeps sessions", { adapter: SessionAwareAdapter }],
    ["a function", { adapter: (nsp: unknown) => new Adapter(nsp) }],
  ])("adapters in memory have nothing to sign: %s", async (_what, options) => {
    const bench = new Bench({ ...options, clusterSecret });
    const { peer } = await bench.join();
    bench.io.emit("x");
    expect(String(await peer.hear())).toContain("x");
  });

  class WithBusOfItsOwn extends Adapter {}
  class WithoutResponses extends npm.Adapter {
    uid = "a";
    doPublish(): void {}
    onMessage(): void {}
  }

  test.each([
    ["one of ours with a bus of its own", WithBusOfItsOwn],
    ["one of npm, whose class says nothing", npm.Adapter],
    ["one that has no responses", WithoutResponses],
  ])("adapters that can't sign are refused, and closed: %s", (_what, Unable) => {
    const close = vi.fn();
    const adapter = (nsp: unknown): Adapter => Object.assign(new Unable(nsp), { close });
    expect(() => new Server({ clusterSecret, adapter })).toThrow(withCode("ADAPTER_CANNOT_SIGN"));
    expect(close).toHaveBeenCalledTimes(1);
  });

  test("they are refused later as well, and the server goes on with the one it had", async () => {
    const bench = new Bench({ clusterSecret });
    const before = bench.io.sockets.adapter;
    expect(() => bench.io.adapter(npm.Adapter as never)).toThrow(withCode("ADAPTER_CANNOT_SIGN"));
    expect(bench.io.sockets.adapter).toBe(before);
    await bench.join();
  });

  test("patterns of namespaces have no adapter that could sign, their namespaces do", async () => {
    const bench = new Bench({ clusterSecret });
    bench.io.of(/^\/x/);
    await bench.join("/x1");
  });

  test("an invalid secret is refused, and a valid one is not in `opts`", () => {
    for (const bad of ["", "short", []]) {
      expect(() => new Server({ clusterSecret: bad })).toThrow(withCode("CLUSTER_SECRET_INVALID"));
    }
    expect(new Server({ clusterSecret }).opts).not.toHaveProperty("clusterSecret");
    for (const absent of [undefined, null, false]) {
      expect(new Server({ clusterSecret: absent as never, adapter: npm.Adapter as never }).sockets).toBeDefined();
    }
  });
});

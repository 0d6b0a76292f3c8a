import { createRequire } from "node:module";
import { ClusterAdapterWithHeartbeat, type ClusterMessage } from "@portage/server/adapter";
import { describe, expect, test } from "vitest";
import { BusGuard } from "../../../packages/server/src/socketio/adapter/cluster/guard.ts";
import { ClusterKeys } from "../../../packages/server/src/socketio/adapter/cluster/keys.ts";
import { Bench, settle, tallyOf } from "./peer.ts";

const nearSocketIo = createRequire(createRequire(import.meta.url).resolve("socket.io"));
const npm = nearSocketIo("socket.io-adapter") as { ClusterAdapterWithHeartbeat: typeof ClusterAdapterWithHeartbeat };

const SECRET = "secret of the cluster";
const OTHER = "secret of somebody else";

/** A member of the bus, with the codes and reasons of its refusals. */
function member(uid: string, { secret = SECRET, nsp = "/" }: { secret?: string | string[]; nsp?: string } = {}) {
  const refused: string[] = [];
  const onRefused = ({ code, message }: { code: string; message: string }): number =>
    refused.push(`${code} ${message}`);
  return { guard: new BusGuard({ keys: new ClusterKeys(secret), uid, nsp, onRefused }), refused };
}

const message = (data?: object) => ({ uid: "a", nsp: "/", type: 9, ...(data && { data }) });
const WRONG = "CLUSTER_SIGNATURE_INVALID a message from the bus is ignored: its signature is wrong";
const UNSIGNED = "CLUSTER_SIGNATURE_INVALID a message from the bus is ignored: it is not signed";

describe("between an adapter and its bus", () => {
  test("another server opens a sealed message, and gets its content", () => {
    const { guard, refused } = member("b");
    const sealed = member("a").guard.seal(
      message({ packet: ["x", { b: 1, a: Buffer.from("bytes") }], none: undefined }),
    );
    expect(sealed.data).toMatchObject({ signature: expect.stringMatching(/^v1\.[\w-]{43}$/) });
    expect(guard.open(sealed)).toStrictEqual(message({ packet: ["x", { b: 1, a: Buffer.from("bytes") }] }));
    expect(guard.open(member("a").guard.seal({ uid: "a", nsp: "/", type: 2 }))).toMatchObject({ type: 2, data: {} });
    expect(refused).toEqual([]);
  });

  test("an unsigned message is dropped", () => {
    const sealed = { ...member("a").guard.seal(message({ packet: ["x"] })), requesterUid: "added on the way" };
    expect(member("b").guard.open(sealed)).toStrictEqual(message({ packet: ["x"] }));
  });

  test("the message of the program is left as it is", () => {
    const original = message({ packet: ["x"] });
    const before = structuredClone(original);
    member("a").guard.seal(original);
    expect(original).toEqual(before);
  });

  test("an accepted message is accepted a second time", () => {
    const { guard, refused } = member("b");
    const genuine = guard.open(member("a").guard.seal(message({ requestId: "r" })));
    expect(guard.open(genuine as object)).toBe(genuine);
    expect(guard.open({ ...genuine })).toBeUndefined();
    expect(refused).toEqual([UNSIGNED]);
  });

  test.each<[string, (sealed: Record<string, unknown>) => unknown]>([
    ["another sender", (sealed) => ({ ...sealed, uid: "c" })],
    ["another type", (sealed) => ({ ...sealed, type: 4 })],
    ["other data", (sealed) => ({ ...sealed, data: { ...(sealed["data"] as object), packet: ["y"] } })],
    ["more data", (sealed) => ({ ...sealed, data: { ...(sealed["data"] as object), requestId: "r" } })],
    [
      "another namespace",
      () => ({ ...member("a", { nsp: "/x" }).guard.seal({ ...message({}), nsp: "/x" }), nsp: "/" }),
    ],
    ["no namespace", (sealed) => ({ ...sealed, nsp: undefined })],
    ["the signature of another cluster", () => member("a", { secret: OTHER }).guard.seal(message({ packet: ["x"] }))],
    ["data without an end", (sealed) => ({ ...sealed, data: { ...(sealed["data"] as object), deep: deep() } })],
    ["data of no bus", (sealed) => ({ ...sealed, data: { ...(sealed["data"] as object), big: 1n } })],
  ])("is refused: %s", (_what, change) => {
    const { guard, refused } = member("b");
    expect(guard.open(change(member("a").guard.seal(message({ packet: ["x"] }))) as object)).toBeUndefined();
    expect(refused).toEqual([WRONG]);
  });

  test.each([[null], [undefined], [7], ["text"], [[]], [{ data: null }], [message({ signature: 7 })], [message()]])(
    "is not signed: %j",
    (junk) => {
      const { guard, refused } = member("b");
      expect(guard.open(junk as never)).toBeUndefined();
      expect(refused).toEqual([UNSIGNED]);
    },
  );

  test("ignores silently its own messages, other namespaces, and early hellos", () => {
    const { guard, refused } = member("b");
    expect(guard.open({ ...message(), uid: "b" })).toBeUndefined();
    expect(guard.open(member("a", { nsp: "/x" }).guard.seal({ ...message({}), nsp: "/x" }))).toBeUndefined();
    expect(guard.open({ uid: "a", nsp: "/", type: 1 })).toBeUndefined();
    expect(refused).toEqual([]);
  });
});

const deep = (): unknown => {
  let value: unknown = [];
  for (let depth = 0; depth < 100_000; depth += 1) value = [value];
  return value;
};

/** Adapters of ours and of npm on a bus of one server; `early` hands the method out before the adapter is complete. */
const adapters = [ClusterAdapterWithHeartbeat, npm.ClusterAdapterWithHeartbeat].map(
  (Base) =>
    class extends Base {
      readonly sent: ClusterMessage[] = [];
      readonly early = this.onMessage.bind(this);
      public constructor(nsp: unknown) {
        super(nsp, {});
      }
      override doPublish(sent: ClusterMessage): Promise<string> {
        this.sent.push(structuredClone(sent));
        return Promise.resolve("offset");
      }
      override doPublishResponse(_uid: string, sent: unknown): Promise<void> {
        this.sent.push(structuredClone(sent) as ClusterMessage);
        return Promise.resolve();
      }
    },
);
const [Ours, Npm] = adapters as [(typeof adapters)[0], (typeof adapters)[0]];

describe.each([
  ["an adapter of ours", Ours],
  ["an adapter of npm", Npm],
])("%s", (_name, Adapter) => {
  function server(clusterSecret: string | string[] = SECRET) {
    const bench = new Bench({ adapter: Adapter as never, clusterSecret });
    const adapter = bench.io.sockets.adapter as unknown as InstanceType<typeof Ours>;
    const codes: unknown[] = [];
    bench.io.on("handler_error", (error) => codes.push((error as { code?: string }).code));
    return { bench, adapter, codes, end: () => void adapter.close() };
  }
  const broadcast = { type: 3, data: { opts: { rooms: [], except: [], flags: {} }, packet: { type: 2, data: ["x"] } } };
  const signed = (body: object) => member("a").guard.seal({ uid: "a", nsp: "/", ...body }) as unknown as ClusterMessage;

  test("signs all its messages", async () => {
    const { bench, adapter, end } = server();
    adapter.onMessage(signed({ type: 2 }));
    bench.io.emit("x", Buffer.from("b"), { none: undefined });
    bench.io.serverSideEmit("hello", new Date(0));
    void bench.io.fetchSockets().catch(() => undefined);
    adapter.onMessage(signed({ type: 7, data: { requestId: "r", opts: { rooms: [], except: [], flags: {} } } }));
    await settle();
    end();
    expect(new Set(adapter.sent.map(({ type }) => type))).toEqual(new Set([1, 3, 7, 8, 9, 13]));
    const { guard, refused } = member("b");
    for (const sent of adapter.sent) expect(guard.open(sent)).toBeDefined();
    expect(refused).toEqual([]);
  });

  test("follows signed messages, and reports and counts others", async () => {
    const { bench, adapter, codes, end } = server();
    const { peer } = await bench.join();
    adapter.onMessage({ uid: "a", nsp: "/", ...broadcast } as never);
    adapter.onMessage(member("a", { secret: OTHER }).guard.seal({ uid: "a", nsp: "/", ...broadcast }) as never);
    adapter.onMessage({ uid: "a", nsp: "/", type: 2 });
    adapter.onResponse({ uid: "a", nsp: "/", type: 11, data: { requestId: "r", clientCount: 1 } } as never);
    adapter.onMessage(null as never);
    expect(await adapter.serverCount()).toBe(1);
    expect(await peer.hear()).toEqual([]);
    expect(codes).toEqual(Array.from({ length: 5 }, () => "CLUSTER_SIGNATURE_INVALID"));
    expect(tallyOf(bench).cluster).toEqual({ CLUSTER_SIGNATURE_INVALID: 5 });
    adapter.onMessage(signed(broadcast));
    expect(await peer.hear()).toEqual(['2["x"]']);
    expect(await adapter.serverCount()).toBe(2);
    expect(codes).toHaveLength(5);
    end();
  });

  test("gets responses, whether they come among the messages or not", async () => {
    const { bench, adapter, codes, end } = server();
    adapter.onMessage(signed({ type: 2 }));
    for (const deliver of ["onMessage", "onResponse"] as const) {
      const found = bench.io.fetchSockets();
      await settle();
      const { requestId } = (adapter.sent.at(-1) as { data: { requestId: string } }).data;
      const socket = { id: "remote", handshake: {}, rooms: ["remote"], data: {} };
      adapter[deliver](signed({ type: 8, data: { requestId, sockets: [socket] } }) as never);
      expect((await found).map(({ id }) => id)).toEqual(["remote"]);
    }
    expect(codes).toEqual([]);
    end();
  });
});

test("an adapter of Portage verifies messages even for a method taken during its construction", async () => {
  const bench = new Bench({ adapter: Ours as never, clusterSecret: SECRET });
  const adapter = bench.io.sockets.adapter as unknown as InstanceType<typeof Ours>;
  bench.io.on("handler_error", () => undefined);
  adapter.early({ uid: "a", nsp: "/", type: 2 });
  expect(await adapter.serverCount()).toBe(1);
  expect(tallyOf(bench).cluster).toEqual({ CLUSTER_SIGNATURE_INVALID: 1 });
  void adapter.close();
});

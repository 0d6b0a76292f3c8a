import { SocketIoError } from "@portage/server";
import { expect, test } from "vitest";
import { reportOn } from "../../../packages/server/src/engine/stats-report.ts";
import { openMetrics } from "../../../packages/server/src/socketio/host/open-metrics.ts";
import { ClusterAdapterWithHeartbeat } from "@portage/server/adapter";
import { Bench, tallyOf } from "./peer.ts";
import { kReportHandlerError } from "../../../packages/server/src/socketio/keys.ts";

class Listening extends ClusterAdapterWithHeartbeat {
  public constructor(nsp: unknown) {
    super(nsp);
  }
  override doPublish = (): Promise<string> => Promise.resolve("");
  override doPublishResponse = (): Promise<void> => Promise.resolve();
}

test("junk on the bus is counted by code, failures of the adapter's own are not", () => {
  const bench = new Bench({ adapter: Listening as never });
  bench.io.on("handler_error", () => undefined);
  const adapter = bench.io.sockets.adapter as unknown as Listening;
  expect(tallyOf(bench)).toMatchObject({ cluster: {}, handlerErrors: {} });
  for (let index = 0; index < 1002; index += 1) adapter.onMessage({ uid: `s${index}`, nsp: "/", type: 2 });
  adapter.onMessage("junk" as never);
  bench.io[kReportHandlerError](new Error("the adapter has failed"), { handler: "adapter", how: "thrown" });
  bench.io[kReportHandlerError](new SocketIoError("CLUSTER_TIMEOUT"), { handler: "adapter", how: "rejected" });
  bench.io[kReportHandlerError](new SocketIoError("TOO_MANY_SERVERS"), { handler: "listener", how: "thrown" });
  expect(tallyOf(bench).cluster).toEqual({ CLUSTER_MESSAGE_INVALID: 1, TOO_MANY_SERVERS: 2 });
  expect(tallyOf(bench).handlerErrors).toEqual({ adapter: 2, listener: 1 });
});

test("counts recovered and failed sessions, and early removals", async () => {
  const bench = new Bench({ connectionStateRecovery: { maxSessions: 1, maxPackets: 2, maxPacketBytes: 100 } });
  const lose = async (auth?: object): Promise<string> => {
    const peer = bench.peer();
    await peer.say(`0${auth === undefined ? "" : JSON.stringify(auth)}`);
    const { pid } = JSON.parse(String((await peer.hear()).at(-1)).slice(1)) as { pid: string };
    peer.transport.lose();
    return pid;
  };
  const first = await lose();
  await lose({ pid: first });
  const second = await lose();
  await lose({ pid: first });
  expect(tallyOf(bench).recovery).toEqual({
    recovered: 1,
    refused: { RECOVERY_SESSION_UNKNOWN: 1 },
    dropped: { maxSessions: 2 },
  });
  const third = await lose();
  for (let index = 0; index < 3; index += 1) bench.io.emit("x");
  bench.io.emit("x".repeat(80));
  await lose({ pid: third, offset: "never" });
  await lose({ pid: second });
  const { refused, dropped } = tallyOf(bench).recovery;
  expect(refused).toEqual({ RECOVERY_SESSION_UNKNOWN: 2, RECOVERY_OFFSET_UNKNOWN: 1 });
  expect(dropped).toMatchObject({ maxPackets: 2, maxPacketBytes: 1 });
});

test("metrics have them as well", () => {
  const bench = new Bench();
  const { heartbeat, stats } = bench.engine;
  const recovery = { recovered: 3, refused: { RECOVERY_OFF: 2 }, dropped: { maxPackets: 4 } };
  const report = { ...tallyOf(bench), ...reportOn(stats, heartbeat, 0, 0) };
  const text = openMetrics({ ...report, cluster: { CLUSTER_SIGNATURE_INVALID: 1 }, recovery });
  expect(text).toContain('portage_cluster_ignored_total{code="CLUSTER_SIGNATURE_INVALID"} 1\n');
  expect(text).toContain("portage_recoveries_total 3\n");
  expect(text).toContain('portage_recoveries_refused_total{code="RECOVERY_OFF"} 2\n');
  expect(text).toContain('portage_recovery_dropped_total{option="maxPackets"} 4\n');
});

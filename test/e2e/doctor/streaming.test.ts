import { type Code, diagnose, type DoctorOptions } from "@portage/server/doctor";
import { afterAll, expect, test } from "vitest";
import { type Holding, HoldingProxy } from "../../support/scripted/holding-proxy.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { portage, reference, type Target } from "../../support/targets.ts";

const ends: (() => unknown)[] = [];
// Examinations that wait go on side by side.
afterAll(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

/** The finding about answers that go on. */
async function examine(url: string, options: DoctorOptions = {}) {
  const { steps } = await diagnose(url, { hold: 0, timeout: 3000, ...options });
  return steps.find(({ name }) => name === "streaming")?.findings[0];
}

async function start(target: Target = portage, options: object = {}): Promise<Running> {
  const running = await serve(target, options);
  ends.push(() => running.stop());
  return running;
}

test.each<[string, Target, object, Code]>([
  ["arrives bit by bit", portage, {}, "STREAM_OK"],
  ["is one payload, as the server wants", portage, { streaming: false }, "STREAM_OFF"],
  ["is one payload of socket.io", reference, {}, "STREAM_OFF"],
])("an answer that %s", async (_what, target, options, code) => {
  expect(await examine((await start(target, options)).url)).toMatchObject({ code, level: "ok" });
});

test.concurrent.each<[string, Holding]>([
  ["as a whole", () => 0],
  ["from the second KiB on", () => 1024],
])("an answer that a proxy holds back %s", async (_what, holding) => {
  const { host } = await start();
  host.http.prependListener("request", (_req, res) => res.setHeader("Via", "1.1 scanner"));
  const proxy = new HoldingProxy(host.port, holding);
  const url = await proxy.listen();
  ends.push(() => proxy.stop());
  const found = await examine(url);
  expect(found).toMatchObject({ code: "STREAM_HELD_BACK", level: "note" });
  expect(found?.sentence).toContain("(Via: 1.1 scanner)");
  expect(found?.advice.map(({ what }) => what).join()).toContain("http-no-delay");
});

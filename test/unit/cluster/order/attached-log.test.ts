import { expect, test } from "vitest";
import { AttachedLog } from "../../../../packages/cluster/src/order/attached-log.ts";
import type { LogPosition } from "../../../../packages/cluster/src/order/log.ts";
import { SimLog, SimLogServer } from "../../../support/cluster/sim-log.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const time = { now: () => 0, after: (_ms: number, fn: () => void) => setImmediate(fn) };

test("followers and observers go from one log to the next", async () => {
  const server = new SimLogServer();
  const attached = new AttachedLog();
  const heard: string[] = [];
  attached.observe({ onUp: () => heard.push("up"), onDown: () => heard.push("down") });
  attached.follow("/", {
    onEntry: ({ body }) => heard.push(body.toString()),
    onInterrupted: () => heard.push("interrupted"),
    onResumed: ({ number }: LogPosition) => heard.push(`resumed at ${number}`),
  });
  expect(attached.isUp).toBe(false);
  await expect(attached.position("/")).rejects.toMatchObject({ code: "CLUSTER_CLOSED" });
  const append = (sequence: number, text: string): Promise<LogPosition> =>
    attached.append("/", { writer: "writer-1", sequence, bodies: [Buffer.from(text)] });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await turn();
  };

  attached.attach(new SimLog(server, time));
  await settle();
  await append(1, "a");
  await settle();
  attached.detach();
  expect(attached.isUp).toBe(false);
  attached.attach(new SimLog(server, time));
  await settle();
  await append(2, "b");
  await settle();
  expect(heard).toEqual(["up", "resumed at 0", "a", "interrupted", "down", "up", "resumed at 1", "b"]);
});

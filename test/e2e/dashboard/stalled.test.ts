import { setTimeout as sleep } from "node:timers/promises";
import { io as connect } from "@portage/client";
import { expect, test } from "vitest";
import { queuedProcessBytes } from "../../../packages/server/src/engine/outgoing/congestion.ts";
import type { TappedPacket } from "../../../packages/server/src/dashboard/wire.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { nextEvent } from "../../support/waiting.ts";
import { atEnd, openBoard } from "./support/board.ts";

/** As many as a page may tap. */
const CLIENTS = 5;
/** Bytes above which a page gets no more packets, and above which it is ended. */
const MOST_BEHIND = 128_000;
const MOST_QUEUED = 1_000_000;

test("a page that stops reading is sent no more packets, and learns later how many", async () => {
  const { host } = await openBoard({ payloads: "values" });
  const clients = Array.from({ length: CLIENTS }, () => {
    const client = connect(`http://localhost:${host.port}`, { transports: ["websocket"], forceNew: true });
    atEnd(() => client.disconnect());
    return client;
  });
  await Promise.all(clients.map((client) => nextEvent(client, "connect")));

  const page = await RawPolling.open({ port: host.port, path: "/dashboard/live/" });
  await page.post("40");
  expect(await page.next()).toContain("40");
  const question = { order: "natural", descending: false, filter: "", from: 0, count: 200 };
  await page.post(`420${JSON.stringify(["page", "connections", question])}`);
  const answer = await page.until((packet) => packet.startsWith("430"));
  const [{ rows }] = JSON.parse(answer.slice(3)) as [{ rows: { handle: string }[] }];
  await page.post(...rows.map(({ handle }, index) => `42${index + 1}${JSON.stringify(["tap", handle])}`));

  // It polls no more. What it would get is more than a million bytes a second.
  const before = queuedProcessBytes();
  let most = 0;
  let sent = 0;
  const words = "many words ".repeat(90);
  for (let round = 0; round < 75; round += 1) {
    for (const client of clients) for (let count = 0; count < 20; count += 1, sent += 1) client.emit("chat", words);
    most = Math.max(most, queuedProcessBytes() - before);
    await sleep(20);
  }
  expect(most).toBeGreaterThan(MOST_BEHIND);
  expect(most).toBeLessThanOrEqual(MOST_QUEUED);

  // It reads on, and learns how many packets it has missed.
  let counted = 0;
  while (counted < sent) {
    const packet = await page.until((text) => text.startsWith('42["packets"'));
    const [, , entries, skipped] = JSON.parse(packet.slice(2)) as [string, string, TappedPacket[], number];
    counted += entries.filter(({ head }) => head.endsWith(" chat")).length + skipped;
  }
  expect(clients.map(({ connected }) => connected)).toEqual(clients.map(() => true));
});

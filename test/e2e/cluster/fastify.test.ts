import { localCluster } from "@portage/cluster";
import { portage } from "@portage/server/fastify";
import fastify from "fastify";
import { expect, test } from "vitest";
import { eventually } from "../../support/servers/cluster.ts";

test("a Fastify application joins its cluster when it listens, before the first request", async () => {
  const app = fastify();
  await app.register(portage, { cluster: localCluster() });
  await app.listen({ port: 0 });
  try {
    await eventually(async () => expect(app.io.cluster?.tag).toMatch(/^[\w-]{4}$/));
    const answer = await app.inject("/socket.io/?EIO=4&transport=polling");
    expect(answer.body).toContain(`0{"sid":"${app.io.cluster?.tag}`);
  } finally {
    await app.close();
  }
});

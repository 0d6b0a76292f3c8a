import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { portage, type PortageOptions } from "@portage/server/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import Fastify4 from "fastify-4";
import { afterEach, describe, expect, test, vi } from "vitest";

// Where problems go: to the logger of the application, or, where it has none, to the console.

const apps: FastifyInstance[] = [];
const print = vi.spyOn(console, "error").mockImplementation(() => {});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  print.mockClear();
});

/** Starts an application with a function that fails. Returns the lines of the plugin. */
async function fail(create: typeof Fastify, logger: object | false, options: PortageOptions): Promise<object[]> {
  const stream = new PassThrough();
  const app = create({ logger: logger && { stream, ...logger } } as never) as unknown as FastifyInstance;
  apps.push(app);
  await app.register(portage, options);
  app.io.engine.generateId = () => {
    throw new Error("boom");
  };
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  const { status } = await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`);
  expect(status).toBe(400);
  const text = String((stream.read() as Buffer | null) ?? "");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as object).filter((line) => "name" in line && line.name === "portage");
}

const LINES = [
  { level: 50, kind: "handler", code: "generateId", msg: expect.stringContaining("boom") as string },
  { level: 40, kind: "refusal", code: "ID_GENERATION_ERROR", address: "127.0.0.1" },
];

describe.each([
  ["4", Fastify4 as unknown as typeof Fastify],
  ["5", Fastify],
])("the log of Fastify %s", (_version, create) => {
  test("gets failures, which are not printed", async () => {
    expect(await fail(create, {}, {})).toMatchObject(LINES);
    expect(print).not.toHaveBeenCalled();
  });

  test.each([
    ["is off", false, {}],
    ["is silent", { level: "silent" }, {}],
    ["is not to have them", {}, { logs: false }],
  ] as const)("leaves them to the console when it %s", async (_state, logger, options) => {
    expect(await fail(create, logger, options)).toEqual([]);
    expect(print).toHaveBeenCalledOnce();
  });
});

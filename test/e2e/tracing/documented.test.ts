/*
 * The example of docs/tracing.md, as a program of a user: OpenTelemetry on both sides of a connection.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { propagation, type TextMapPropagator, trace } from "@opentelemetry/api";
import type { Socket as ClientSocket } from "@portage/client";
import { Server } from "@portage/server";
import { instrument } from "@portage/server/otel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Host } from "../../support/servers/host.ts";
import { nextEvent } from "../../support/waiting.ts";
import { linksOf, Recorder } from "../../unit/otel/spans.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FOLDER = join(ROOT, "test/.cache/tracing");

/** Of the SDK, which brings it along. */
function w3cPropagator(): TextMapPropagator {
  const ofSdk = createRequire(createRequire(import.meta.url).resolve("@opentelemetry/sdk-trace-base"));
  const core = ofSdk("@opentelemetry/core") as { W3CTraceContextPropagator: new () => TextMapPropagator };
  return new core.W3CTraceContextPropagator();
}

/** The example, for a server at this address. */
function program(url: string): string {
  const page = readFileSync(join(ROOT, "docs/tracing.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(?<code>[^]*?)^```$/gm)].map(({ groups }) => groups!["code"]!);
  const example = blocks.find((code) => code.includes("@portage/client/trace"))!;
  const file = join(FOLDER, "example.ts");
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, `${example.replace("https://example.org", url)}\nexport { socket };\n`);
  return pathToFileURL(file).href;
}

let recorder: Recorder;

beforeEach(() => {
  recorder = new Recorder();
  trace.setGlobalTracerProvider(recorder.provider);
  propagation.setGlobalPropagator(w3cPropagator());
});

afterEach(() => {
  trace.disable();
  propagation.disable();
  recorder.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

test("a trace goes from a span of the client to the server, and another one back", async () => {
  const host = new Host();
  const io = new Server(host.http);
  const tracing = instrument(io, { propagate: true, metrics: false });
  await host.listen();
  io.on("connection", (socket) => {
    socket.on("order", (_id: number, done: () => void) => {
      socket.emit("price", 5);
      done();
    });
  });
  const { socket } = (await import(program(host.url))) as { socket: ClientSocket };
  await nextEvent(socket as never, "price");
  while (recorder.named("checkout").length === 0) await new Promise(setImmediate);
  socket.disconnect();
  await io.close();
  await host.drained();
  tracing.stop();
  const one = (name: string) => recorder.named(name)[0]!;
  expect(linksOf(one("process / order"))).toContain(one("checkout").spanContext().spanId);
  const { spanId, traceId } = one("send / price").spanContext();
  expect(one("show price").parentSpanContext).toMatchObject({ spanId, traceId, isRemote: true });
});

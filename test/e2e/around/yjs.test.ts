import { YSocketIO } from "y-socket.io/dist/server";
import { SocketIOProvider } from "y-socket.io";
import { afterEach, expect, test } from "vitest";
import { Doc } from "yjs";
import { type Running, serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { within } from "../../support/waiting.ts";

// y-socket.io: a dynamic namespace for each document, updates as bytes, acknowledgements on both sides.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function start(): Promise<Running> {
  const running = await serve(subject);
  cleanups.push(() => running.stop());
  new YSocketIO(running.io, { authenticate: ({ token }) => token === "valid" }).initialize();
  return running;
}

function open(url: string, name: string, token: string): SocketIOProvider & { doc: Doc } {
  const provider = new SocketIOProvider(url, name, new Doc(), { autoConnect: true, auth: { token } });
  cleanups.push(() => provider.destroy());
  return provider;
}

const textOf = (doc: Doc): string => doc.getText("text").toJSON();

/** Waits until a document satisfies a condition. */
const until = (doc: Doc, what: string, isSo: () => boolean): Promise<void> =>
  within(
    new Promise((resolve) => {
      const look = (): void => void (isSo() && resolve());
      doc.on("update", look);
      look();
    }),
    what,
  );

test("two pages edit one document", async () => {
  const { url } = await start();
  const [ada, bo] = [open(url, "notes", "valid"), open(url, "notes", "valid")];
  ada.doc.getText("text").insert(0, "hello");
  await until(bo.doc, "the first edit", () => textOf(bo.doc) === "hello");
  bo.doc.getText("text").insert(5, " world");
  await until(ada.doc, "the second edit", () => textOf(ada.doc) === "hello world");
  const late = open(url, "notes", "valid");
  await until(late.doc, "the document", () => textOf(late.doc) === "hello world");
});

test("a page without a valid token is turned away", async () => {
  const { url } = await start();
  const provider = open(url, "notes", "guess");
  const refused = new Promise((resolve) => {
    provider.on("status", ({ status }: { status: string }) => status === "disconnected" && resolve(status));
    provider.on("connection-error", resolve);
  });
  await within(refused, "a refusal");
  expect(provider.socket.connected).toBe(false);
});

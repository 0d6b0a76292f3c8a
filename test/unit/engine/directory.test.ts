import { Server } from "@portage/server/engine";
import { expect, test } from "vitest";
import { kSessionDirectory } from "../../../packages/server/src/engine/keys.ts";
import { type FoundSession, LocalSessions } from "../../../packages/server/src/engine/session/directory.ts";
import { kOfferUpgrade, kTakeBack } from "../../../packages/server/src/engine/keys.ts";
import { exchange } from "./fake-http.ts";

test("the sessions of an engine are its public list", () => {
  const engine = { clients: Object.create(null) as Record<string, never>, clientsCount: 0 };
  const sessions = new LocalSessions(engine);
  const [first, second] = [{ id: "a" }, { id: "a" }] as never[];
  sessions.add(first as never);
  expect([engine.clients["a"], engine.clientsCount, sessions.find("a")]).toEqual([first, 1, first]);
  expect([sessions.find("__proto__"), sessions.find("b")]).toEqual([undefined, undefined]);
  expect([sessions.remove(second as never), engine.clientsCount]).toEqual([false, 1]);
  expect([sessions.remove(first as never), engine.clientsCount, sessions.find("a")]).toEqual([true, 0, undefined]);
});

test("a directory may find sessions elsewhere: it gets their requests", () => {
  const passedOn: unknown[] = [];
  const remote: FoundSession = {
    protocol: 4,
    transport: { name: "polling", onRequest: ({ req }) => passedOn.push(req) },
    [kOfferUpgrade]() {},
    [kTakeBack]() {},
  };
  class Forwarding extends Server {
    override readonly [kSessionDirectory] = {
      find: (sid: string) => (sid === "far" ? remote : undefined),
      add() {},
      remove: () => true,
    };
  }
  const { http } = exchange("GET", {}, { EIO: "4", transport: "polling", sid: "far" });
  new Forwarding().handleRequest(http.req, http.res);
  expect(passedOn).toEqual([http.req]);
});

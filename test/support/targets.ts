import * as portageEngine from "@portage/server/engine";
import * as portageServer from "@portage/server";
import * as referenceEngine from "engine.io";
import * as referenceServer from "socket.io";

/** The exports of `engine.io` that the tests use. */
export interface EngineExports {
  Server: typeof referenceEngine.Server;
  listen: typeof referenceEngine.listen;
  attach: typeof referenceEngine.attach;
}

/** One implementation under test, seen through the typings of the reference. */
export interface Target {
  readonly name: "reference" | "portage";
  readonly socketio: { Server: typeof referenceServer.Server };
  readonly engine: EngineExports;
}

export const reference: Target = { name: "reference", socketio: referenceServer, engine: referenceEngine };

export const portage: Target = {
  name: "portage",
  socketio: portageServer as unknown as Target["socketio"],
  engine: portageEngine as unknown as EngineExports,
};

/**
 * The subject of the end-to-end tests: Portage. `TEST_TARGET=reference` runs the same tests on the reference, to tell a
 * wrong test from a wrong server.
 */
export const subject: Target = process.env["TEST_TARGET"] === "reference" ? reference : portage;

import * as portageAdapter from "@portage/server/adapter";
import * as portageParser from "@portage/parser";
import * as portageEngineParser from "@portage/parser/engine";
import * as portageEngine from "@portage/server/engine";
import * as portageServer from "@portage/server";
import * as referenceEngine from "engine.io";
import * as referenceEngineParser from "engine.io-parser";
import * as referenceServer from "socket.io";
import * as referenceAdapter from "socket.io-adapter";
import * as referenceParser from "socket.io-parser";
import { subject } from "./targets.ts";

const isPortage = subject.name === "portage";

/** The exports under test, by the names of the packages that they replace, with these packages' typings. */
export const exportsOf = {
  "socket.io": (isPortage ? portageServer : referenceServer) as unknown as typeof referenceServer,
  "engine.io": (isPortage ? portageEngine : referenceEngine) as unknown as typeof referenceEngine,
  "engine.io-parser": isPortage ? portageEngineParser : referenceEngineParser,
  "socket.io-parser": (isPortage ? portageParser : referenceParser) as unknown as typeof referenceParser,
  "socket.io-adapter": (isPortage ? portageAdapter : referenceAdapter) as unknown as typeof referenceAdapter,
} as const;

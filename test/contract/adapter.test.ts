import { Adapter, ClusterAdapter, SessionAwareAdapter } from "@portage/server/adapter";
import * as npm from "socket.io-adapter";
import { describe } from "vitest";
import { adapterContract, sessionContract } from "./adapter.ts";

// Third-party adapters extend either class: both follow one contract.

class AloneOnOurBus extends ClusterAdapter {
  // The constructor of the abstract class is protected.
  public constructor(nsp: unknown) {
    super(nsp);
  }
  override doPublish = (): Promise<string> => Promise.resolve("");
  override doPublishResponse = (): Promise<void> => Promise.resolve();
}

class AloneOnNpmBus extends npm.ClusterAdapter {
  public constructor(nsp: unknown) {
    super(nsp);
  }
  override doPublish = (): Promise<string> => Promise.resolve("");
  override doPublishResponse = (): Promise<void> => Promise.resolve();
}

const IN_MEMORY = { "Portage's Adapter": Adapter, "Adapter of socket.io-adapter": npm.Adapter };
const SESSION_AWARE = {
  "Portage's SessionAwareAdapter": SessionAwareAdapter,
  "SessionAwareAdapter of socket.io-adapter": npm.SessionAwareAdapter,
};
const CLUSTER = { "Portage's ClusterAdapter": AloneOnOurBus, "ClusterAdapter of socket.io-adapter": AloneOnNpmBus };

describe.each(Object.entries({ ...IN_MEMORY, ...CLUSTER }))("%s", (_name, each) => {
  adapterContract(each);
});

describe.each(Object.entries(SESSION_AWARE))("%s", (_name, each) => {
  adapterContract(each, { recovery: {} });
  sessionContract(each);
});

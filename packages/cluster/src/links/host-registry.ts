import { createLog } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import { makeTag, MAX_TAG_TRIES } from "../core/tag.ts";
import { type Directory, isCode } from "./directory.ts";
import { Door } from "./door.ts";
import type { Identity } from "./handshake.ts";
import type { Registry, RegistryHost } from "./registry.ts";
import type { Route } from "./route.ts";

const log = createLog("portage:cluster");

/** Milliseconds between two looks into the directory. */
const LOOK_INTERVAL = 15_000;

/** Least milliseconds between two looks for unknown nodes: their names come from clients. */
const LOOK_PAUSE = 250;

/** The registry of the nodes of one host: a directory, which has a socket of each. */
export class HostRegistry implements Registry {
  readonly kind = "unix";
  readonly knowsEnds = true;
  readonly #directory: Directory;
  readonly #needsSecret: boolean;
  #host: RegistryHost | undefined = undefined;
  #place: { self: Identity; door: Door } | undefined = undefined;
  /** When the files of this node were refreshed. */
  #refreshedAt = 0;
  /** When the directory was read. */
  #lookedAt = 0;

  /** @param needsSecret whether the nodes share the secret in the directory */
  constructor(directory: Directory, needsSecret: boolean) {
    this.#directory = directory;
    this.#needsSecret = needsSecret;
  }

  /** Read for each handshake, at any time of the process's life: a failure ends the handshake, not the process. */
  readonly keys = (): readonly Buffer[] => {
    try {
      return [this.#directory.secret()];
    } catch (error) {
      log("no secret: %s", (error as Error).message);
      return [];
    }
  };

  join(life: string, host: RegistryHost): void {
    this.#host = host;
    this.#claim(life, MAX_TAG_TRIES);
  }

  routesTo(tag: string): readonly Route[] {
    return [{ kind: "unix", socketPath: this.#directory.addressOf(tag) }];
  }

  bury(tag: string): void {
    this.#directory.remove(tag);
  }

  leave(): void {
    this.#host = undefined;
    if (this.#place === undefined) return;
    // First, so that newcomers do not find this node any more.
    this.#directory.remove(this.#place.self.tag);
    this.#place.door.close();
    this.#directory.release();
  }

  /** Listens under a new tag. */
  #claim(life: string, tries: number): void {
    const host = this.#host!;
    if (tries === 0) return host.onFailed(new ClusterError("CLUSTER_NO_TAG"));
    const self = { tag: makeTag(), life };
    const door = new Door({ self, keys: host.keys, kind: "unix" }, host);
    try {
      this.#directory.open();
    } catch (error) {
      return host.onFailed(error as Error);
    }
    door.listen({ path: this.#directory.addressOf(self.tag) }, (error) => {
      if (this.#host === undefined) return door.close();
      // Another process has the tag, or has just removed the empty directory.
      if (isCode(error, "EADDRINUSE", "ENOENT")) return this.#claim(life, tries - 1);
      if (error !== undefined) return host.onFailed(this.#directory.failure(error));
      this.#publish(self, door, tries);
    });
  }

  #publish(self: Identity, door: Door, tries: number): void {
    const host = this.#host!;
    try {
      if (!this.#directory.publish(self.tag)) {
        door.close();
        return this.#claim(self.life, tries - 1);
      }
      if (this.#needsSecret) this.#directory.secret();
    } catch (error) {
      door.close();
      return host.onFailed(error as Error);
    }
    this.#place = { self, door };
    this.#lookedAt = this.#refreshedAt = host.clock.now();
    host.onClaimed(self, this.#others());
  }

  #others(): readonly string[] {
    return this.#directory.list().filter((tag) => tag !== this.#place?.self.tag);
  }

  beat(): void {
    const now = this.#host!.clock.now();
    if (now - this.#refreshedAt < LOOK_INTERVAL) return;
    this.#refreshedAt = now;
    this.#lookedAt = now;
    if (!this.#directory.refresh(this.#place!.self.tag)) this.#relisten();
    this.#host!.onListed(this.#others());
  }

  look(): readonly string[] {
    const now = this.#host?.clock.now() ?? 0;
    if (now - this.#lookedAt < LOOK_PAUSE) return [];
    this.#lookedAt = now;
    return this.#others();
  }

  /** The socket was removed, perhaps with all old files of the temporary directory. */
  #relisten(): void {
    const host = this.#host!;
    const { self, door: former } = this.#place!;
    // First, because its end removes the socket at this path.
    former.close();
    const door = new Door({ self, keys: host.keys, kind: "unix" }, host);
    this.#place = { self, door };
    try {
      this.#directory.open();
      door.listen({ path: this.#directory.addressOf(self.tag) }, (error) => {
        if (error === undefined && this.#place?.door === door) this.#directory.refresh(self.tag);
      });
    } catch (error) {
      log("can't listen again: %s", (error as Error).message);
    }
  }
}

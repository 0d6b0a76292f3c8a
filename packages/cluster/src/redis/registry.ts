import { randomBytes } from "node:crypto";
import { createLog } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import { isTag, makeTag, MAX_TAG_TRIES } from "../core/tag.ts";
import { Door } from "../links/door.ts";
import type { Identity, LinkKeys } from "../links/handshake.ts";
import type { Registry, RegistryHost } from "../links/registry.ts";
import type { Route } from "../links/route.ts";
import type { BusStream } from "./bus-stream.ts";
import { BusCarrier } from "./carrier.ts";
import type { LinkPlan } from "./link-options.ts";
import { decodeNode, encodeNode, type NodeRecord } from "./node-record.ts";
import type { NodeKeys } from "./node-keys.ts";
import { ownAddress } from "./own-address.ts";
import type { RedisPort } from "./port.ts";
import { isRefusal, rightsError } from "./refusal.ts";
import { DROP_RECORD, HOLD_RECORD, LIST_RECORDS } from "./registry-scripts.ts";

const log = createLog("portage:cluster");

/** Milliseconds for which the record of a node that does not beat is kept, at least. */
const RECORD_TTL = 10_000;
/** A record is renewed after this part of its time to live. */
const RENEWALS = 4;
/** Milliseconds between two looks at the other records while each node has a link. */
const FULL_LOOK_INTERVAL = 15_000;
/** Milliseconds until the next try of a step that needs Redis. */
const STEP_DELAY = 250;
/** The message of the channel: the records have changed. */
const CHANGED = Buffer.from([1]);

export interface RedisRegistrySettings {
  readonly port: RedisPort;
  readonly keys: NodeKeys;
  readonly links: LinkPlan;
  /** Whether the nodes share the secret in Redis. */
  readonly needsSecret: boolean;
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  /** Called once the node has left, and Redis knows. */
  onLeft(): void;
}

/** Where this node is. */
interface OwnRecord {
  readonly self: Identity;
  /** Its record, as in Redis. */
  readonly text: string;
}

/** A record of another node. */
interface KnownNode {
  readonly record: NodeRecord;
  /** As in Redis. */
  readonly text: string;
}

/**
 * The registry of nodes on several hosts: a record of each in Redis, which expires unless its node renews it.
 *
 * A node has its record before it has joined. While Redis is away it serves on, and so do its links.
 */
export class RedisRegistry implements Registry {
  readonly kind: "tcp" | "bus";
  readonly knowsEnds = false;
  readonly #settings: RedisRegistrySettings;
  #host: RegistryHost | undefined = undefined;
  /** Set once this node has its tag and knows the others. */
  #own: OwnRecord | undefined = undefined;
  #door: Door | undefined = undefined;
  #carrier: BusCarrier | undefined = undefined;
  /** The secrets that Redis has had, the newest one first. */
  #secrets: readonly Buffer[] = [];
  /** Becomes the secret of all if there is none. */
  #draft = randomBytes(24).toString("base64url");
  #entries: ReadonlyMap<string, KnownNode> = new Map();
  #holding: "idle" | "busy" = "idle";
  #looking: "idle" | "busy" | "again" = "idle";
  #lookedAt = 0;
  /** When the own record was last held. */
  #heldAt = 0;
  #wake = (): void => undefined;
  #stopObserving = (): void => undefined;

  constructor(settings: RedisRegistrySettings) {
    this.#settings = settings;
    this.kind = settings.links === undefined ? "bus" : "tcp";
  }

  readonly keys = (): readonly Buffer[] => this.#secrets;

  routesTo(tag: string): readonly Route[] {
    const carrier = this.#carrier;
    const known = this.#entries.get(tag);
    if (known === undefined || carrier === undefined) return [];
    const { links } = this.#settings;
    const overRedis: Route = { kind: "bus", connect: () => carrier.connect(tag) };
    const { address } = known.record;
    if (links === undefined || address === undefined) return [overRedis];
    return [{ kind: "tcp", ...address, tls: links.routeTls }, overRedis];
  }

  // ---- joining -----------------------------------------------------------------------------------------------------

  join(life: string, host: RegistryHost): void {
    this.#host = host;
    const { port } = this.#settings;
    // Redis may have restarted without data: a node that joins now would not find this one.
    const onRestored = (): void => {
      void this.#renew();
      this.#look();
    };
    this.#stopObserving = port.observe({ onRestored });
    void this.#join(life, host);
  }

  async #join(life: string, host: RegistryHost): Promise<void> {
    try {
      const { port, keys } = this.#settings;
      await port.subscribe(keys.channel, () => this.#look());
      const own = await this.#claim(life, host);
      await this.#openBus(own, host);
      const others = await this.#untilDone(() => this.#list(own));
      this.#own = own;
      host.onClaimed(own.self, others);
    } catch (error) {
      if (this.#host === host) host.onFailed(error as Error);
    }
  }

  /** Listens and writes the record, under the first tag that is free. @throws ClusterError */
  async #claim(life: string, host: RegistryHost): Promise<OwnRecord> {
    for (let tries = MAX_TAG_TRIES; tries > 0; tries--) {
      const own = await this.#listen({ tag: makeTag(), life }, host);
      if ((await this.#untilDone(() => this.#hold(own))) === "held") return own;
      this.#door?.close();
    }
    throw new ClusterError("CLUSTER_NO_TAG");
  }

  /** Runs a step until Redis answers. @throws ClusterError `CLUSTER_CLOSED`, `REDIS_REFUSED` */
  async #untilDone<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      const host = this.#host;
      const result = host && (await step().catch((error: unknown) => this.#noteOrThrow(error)));
      if (host === undefined || this.#host !== host) throw new ClusterError("CLUSTER_CLOSED");
      if (result !== undefined) return result;
      await new Promise<void>((resolve) => {
        const timer = host.clock.after(STEP_DELAY, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }

  #noteOrThrow(error: unknown): undefined {
    if (isRefusal(error)) throw rightsError(error);
    return this.#note(error);
  }

  #note(error: unknown): undefined {
    log("Redis: %s", (error as Error).message);
  }

  /** @throws ClusterError */
  async #listen(self: Identity, host: RegistryHost): Promise<OwnRecord> {
    const { links, port } = this.#settings;
    const { life } = self;
    if (links === undefined) return { self, text: encodeNode({ life, address: undefined }) };
    const listened = links.host ?? (await this.#untilDone(() => ownAddress(port)));
    const named =
      links.advertise?.host ?? (isWildcard(listened) ? await this.#untilDone(() => ownAddress(port)) : listened);
    const door = new Door({ self, keys: this.#keysFor(self, host), kind: "tcp", tls: links.doorTls }, host);
    this.#door = door;
    await new Promise<void>((resolve, reject) => {
      door.listen({ host: listened, port: links.port }, (error) =>
        error === undefined ? resolve() : reject(failure(error)),
      );
    });
    if (this.#host !== host) {
      door.close();
      throw new ClusterError("CLUSTER_CLOSED");
    }
    const address = { host: named, port: links.advertise?.port ?? door.port };
    return { self, text: encodeNode({ life, address }) };
  }

  /** Nodes that find the record before this node knows that it stands are refused, and come again. */
  #keysFor(self: Identity, host: RegistryHost): LinkKeys {
    return () => (this.#own?.self === self ? host.keys() : []);
  }

  /** Opens the way over Redis, for nodes that can't connect here. */
  async #openBus({ self }: OwnRecord, host: RegistryHost): Promise<void> {
    const { port, keys: names } = this.#settings;
    const door = new Door({ self, keys: this.#keysFor(self, host), kind: "bus" }, host);
    const onStream = (stream: BusStream): void => door.take(stream, host.clock);
    const onStranger = (): void => host.onStranger("LINK_SECRET", undefined);
    this.#carrier = new BusCarrier({ port, names, keys: host.keys, tag: self.tag, onStream, onStranger });
    await this.#carrier.listen();
  }

  // ---- the own record ----------------------------------------------------------------------------------------------

  beat(): void {
    const host = this.#host!;
    if (host.clock.now() - this.#heldAt >= this.#ttl / RENEWALS) void this.#renew();
    if (host.lacksLinks || host.clock.now() - this.#lookedAt >= FULL_LOOK_INTERVAL) this.#look();
  }

  async #renew(): Promise<void> {
    const own = this.#own;
    if (own === undefined || this.#holding === "busy") return;
    this.#holding = "busy";
    try {
      const outcome = await this.#hold(own);
      if (outcome === "taken" && this.#own === own) this.#onTagLost(own);
    } catch (error) {
      log("no beat: %s", (error as Error).message);
    } finally {
      this.#holding = "idle";
    }
  }

  /** This node was stopped for so long that its record expired, and another one has taken the tag. */
  #onTagLost({ self }: OwnRecord): void {
    const host = this.#host!;
    this.#own = undefined;
    this.#door?.close();
    host.onTagLost();
    this.#carrier?.close();
    void this.#join(self.life, host);
  }

  async #hold({ self: { tag }, text }: OwnRecord): Promise<"held" | "taken"> {
    const { port, keys, needsSecret } = this.#settings;
    const names = [keys.records + tag, keys.tags, keys.secret];
    const reply = await port.eval(HOLD_RECORD, names, [
      text,
      this.#ttl,
      tag,
      needsSecret ? this.#draft : "",
      keys.channel,
      CHANGED,
    ]);
    const [outcome, secret] = reply as [number, Buffer];
    if (needsSecret && outcome !== 0) this.#useSecret(secret);
    if (outcome === 0) return "taken";
    this.#heldAt = this.#host?.clock.now() ?? 0;
    return "held";
  }

  /** Milliseconds that a record lives without being renewed. */
  get #ttl(): number {
    const { heartbeatInterval, heartbeatTimeout } = this.#settings;
    return Math.ceil(Math.max(RECORD_TTL, 3 * heartbeatInterval, 2 * heartbeatTimeout));
  }

  /** The nodes that have not heard of a new one yet know the one before. */
  #useSecret(secret: Buffer): void {
    const [newest] = this.#secrets;
    if (newest?.equals(secret)) return;
    this.#draft = secret.toString();
    this.#secrets = newest === undefined ? [secret] : [secret, newest];
  }

  // ---- the other records -------------------------------------------------------------------------------------------

  #look(): void {
    const own = this.#own;
    if (own === undefined) return;
    if (this.#looking !== "idle") this.#looking = "again";
    else void this.#lookAs(own);
  }

  async #lookAs(own: OwnRecord): Promise<void> {
    try {
      do {
        this.#looking = "busy";
        const others = await this.#list(own);
        if (this.#own === own) this.#host?.onListed(others);
      } while (this.#isLookDue());
    } catch (error) {
      log("no look at the records: %s", (error as Error).message);
    } finally {
      this.#looking = "idle";
    }
  }

  #isLookDue(): boolean {
    return this.#looking === "again";
  }

  /** Reads the records of the others; returns their tags. */
  async #list({ self }: OwnRecord): Promise<readonly string[]> {
    const { port, keys } = this.#settings;
    this.#lookedAt = this.#host?.clock.now() ?? 0;
    const found = (await port.eval(LIST_RECORDS, [keys.tags], [keys.records])) as readonly Buffer[];
    const entries = new Map<string, KnownNode>();
    for (let i = 0; i + 1 < found.length; i += 2) {
      const [tag, text] = [String(found[i]), String(found[i + 1])];
      const record = decodeNode(text);
      if (isTag(tag) && record !== undefined) entries.set(tag, { record, text });
    }
    entries.delete(self.tag);
    this.#entries = entries;
    return [...entries.keys()];
  }

  bury(tag: string): void {
    const entry = this.#entries.get(tag);
    if (entry !== undefined) void this.#drop(tag, entry.text);
  }

  async #drop(tag: string, text: string): Promise<void> {
    const { port, keys } = this.#settings;
    try {
      await port.eval(DROP_RECORD, [keys.records + tag, keys.tags], [text, tag, keys.channel, CHANGED]);
    } catch (error) {
      log("the record of %s expires later: %s", tag, (error as Error).message);
    }
  }

  // ---- leaving -----------------------------------------------------------------------------------------------------

  leave(): void {
    const { port, keys } = this.#settings;
    const own = this.#own;
    this.#host = undefined;
    this.#own = undefined;
    this.#wake();
    this.#stopObserving();
    port.unsubscribe(keys.channel);
    this.#door?.close();
    void this.#part(own);
  }

  /** The links over Redis close meanwhile. */
  async #part(own: OwnRecord | undefined): Promise<void> {
    if (own !== undefined) await this.#drop(own.self.tag, own.text);
    this.#carrier?.close();
    this.#settings.onLeft();
  }
}

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::";

function failure(cause: Error): ClusterError {
  return new ClusterError("CLUSTER_LISTEN_FAILED", `the links can't listen: ${cause.message}`, { cause });
}

import { randomBytes } from "node:crypto";
import type { LinkKeys } from "../links/handshake.ts";
import { type BusMessage, type BusType, decodeBusMessage, encodeBusMessage, STREAM_ID_LENGTH } from "./bus-message.ts";
import { BusStream, BusStreamError, type BusStreamHost } from "./bus-stream.ts";
import type { NodeKeys } from "./node-keys.ts";
import type { RedisPort } from "./port.ts";

/** Most streams at a time: more than the nodes of a cluster. */
const MAX_STREAMS = 1024;

export interface CarrierSettings {
  readonly port: RedisPort;
  readonly names: NodeKeys;
  readonly keys: LinkKeys;
  /** The tag of this node. */
  readonly tag: string;
  /** Another node has opened a stream. */
  onStream(stream: BusStream): void;
  /** A message came that no node with this node's secret has sent. */
  onStranger(): void;
}

/** Carries streams to nodes without a network path, through the channels of both nodes in Redis. */
export class BusCarrier implements BusStreamHost {
  readonly #settings: CarrierSettings;
  readonly #streams = new Map<string, BusStream>();
  readonly #channel: string;
  readonly #stopObserving: () => void;

  constructor(settings: CarrierSettings) {
    this.#settings = settings;
    this.#channel = settings.names.channelOf(settings.tag);
    // What was published meanwhile is missing.
    this.#stopObserving = settings.port.observe({ onInterrupted: (_part, error) => this.#breakAll(error) });
  }

  /** Resolves when messages of other nodes arrive. */
  listen(): Promise<void> {
    return this.#settings.port.subscribe(this.#channel, (message) => this.#onMessage(message));
  }

  /** Opens a stream to a node. */
  connect(tag: string): BusStream {
    const stream = new BusStream(tag, randomBytes(STREAM_ID_LENGTH).toString("latin1"), this);
    this.#streams.set(streamKey(stream), stream);
    stream.open();
    return stream;
  }

  close(): void {
    this.#stopObserving();
    this.#settings.port.unsubscribe(this.#channel);
    this.#breakAll(undefined);
  }

  #breakAll(error: Error | undefined): void {
    for (const stream of this.#streams.values()) stream.destroy(error);
  }

  #onMessage(bytes: Buffer): void {
    const { tag, keys } = this.#settings;
    const message = decodeBusMessage(bytes, tag, keys());
    if (message === undefined) return this.#settings.onStranger();
    const stream = this.#streams.get(streamKey({ tag: message.from, id: message.id }));
    if (stream !== undefined) stream.receive(message);
    else if (message.type === "OPEN") this.#accept(message);
    else if (message.type !== "RESET") this.#reset(message);
  }

  #accept(message: BusMessage): void {
    if (this.#streams.size >= MAX_STREAMS) return this.#reset(message);
    const stream = new BusStream(message.from, message.id, this);
    this.#streams.set(streamKey(stream), stream);
    stream.receive(message);
    this.#settings.onStream(stream);
  }

  /** The stream has ended here. */
  #reset({ from: tag, id }: BusMessage): void {
    this.#publish({ tag, id }, "RESET", 0, Buffer.alloc(0)).catch(() => undefined);
  }

  send(stream: BusStream, type: BusType, number: number, bytes: Buffer): Promise<void> {
    return this.#publish(stream, type, number, bytes);
  }

  async #publish(to: Ends, type: BusType, number: number, bytes: Buffer): Promise<void> {
    const { tag: from, keys, names, port } = this.#settings;
    const [key] = keys();
    if (key === undefined) throw new BusStreamError("the secret is not known yet");
    const message = encodeBusMessage({ type, from, id: to.id, number, bytes }, to.tag, key);
    const receivers = await port.command("PUBLISH", names.channelOf(to.tag), message);
    if (receivers === 0) throw new BusStreamError(`node ${to.tag} does not listen to Redis`);
  }

  onClosed(stream: BusStream): void {
    this.#streams.delete(streamKey(stream));
  }
}

/** The other node of a stream, and its id. */
interface Ends {
  readonly tag: string;
  readonly id: string;
}

const streamKey = ({ tag, id }: Ends): string => tag + id;

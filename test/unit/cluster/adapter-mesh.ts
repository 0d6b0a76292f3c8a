import { decodeFrame } from "../../../packages/cluster/src/core/frames.ts";
import { type BusOptions, LinkBus } from "../../../packages/cluster/src/adapter/bus.ts";
import type { Link, LinkEnd } from "../../../packages/cluster/src/links/link.ts";

/** How links in memory deliver. */
export interface MeshOptions extends BusOptions {
  /** "soon": in a microtask of its own; "manually": when the test calls `deliver()`. Default: "soon". */
  readonly delivery?: "soon" | "manually";
}

/** One direction of a link in memory: what one node sends to another. */
export class MemoryLink implements Link {
  readonly kind = "unix";
  readonly tag: string;
  /** Frames that have not arrived. */
  readonly queue: Buffer[] = [];
  /** All frames that were sent: the buffers themselves. */
  readonly sent: Buffer[] = [];
  readonly failures: string[] = [];
  queuedBytes = 0;
  readonly #mesh: Mesh;
  readonly #from: string;

  constructor(mesh: Mesh, from: string, to: string) {
    this.#mesh = mesh;
    this.#from = from;
    this.tag = to;
  }

  send(frame: Buffer): void {
    this.queue.push(frame);
    this.sent.push(frame);
    this.queuedBytes += frame.length;
    if (this.#mesh.delivery === "soon") queueMicrotask(() => this.deliver(1));
  }

  /** Delivers frames to the other node, in order. */
  deliver(most = Infinity): void {
    for (let i = 0; i < most; i++) {
      const frame = this.queue.shift();
      if (frame === undefined) return;
      this.queuedBytes -= frame.length;
      const decoded = decodeFrame(Buffer.from(frame));
      const back = this.#mesh.link(this.tag, this.#from);
      if (decoded === undefined || back === undefined) throw new Error("a frame is malformed, or the link is cut");
      this.#mesh.bus(this.tag).onFrame(back, decoded);
      if (this.#mesh.link(this.#from, this.tag) === this) this.#mesh.bus(this.#from).onDrain(this);
    }
  }

  probe(): Promise<boolean> {
    return Promise.resolve(true);
  }

  fail(why: string): void {
    this.failures.push(why);
    this.#mesh.cut(this.#from, this.tag, "failed");
  }
}

/** Nodes with a link between each two, in memory. */
export class Mesh {
  readonly delivery: "soon" | "manually";
  readonly #options: MeshOptions;
  readonly #buses = new Map<string, LinkBus>();
  readonly #links = new Map<string, MemoryLink>();
  /** What links reported that ended by a failure. */
  readonly failures: string[] = [];

  constructor(options: MeshOptions = {}) {
    this.#options = options;
    this.delivery = options.delivery ?? "soon";
  }

  /** Adds a node, with links to all others. */
  add(tag: string): LinkBus {
    const bus = new LinkBus(
      {
        tag,
        get: (to) => this.link(tag, to),
        all: () => [...this.#links].filter(([name]) => name.startsWith(`${tag}>`)).map(([, link]) => link),
      },
      this.#options,
    );
    const others = [...this.#buses.keys()];
    this.#buses.set(tag, bus);
    for (const other of others) this.connect(tag, other);
    return bus;
  }

  connect(one: string, two: string): void {
    this.#links.set(`${one}>${two}`, new MemoryLink(this, one, two));
    this.#links.set(`${two}>${one}`, new MemoryLink(this, two, one));
    this.bus(one).onOpen(this.link(one, two)!);
    this.bus(two).onOpen(this.link(two, one)!);
  }

  bus(tag: string): LinkBus {
    return this.#buses.get(tag)!;
  }

  link(from: string, to: string): MemoryLink | undefined {
    return this.#links.get(`${from}>${to}`);
  }

  /** Ends the link between two nodes; messages under way are lost. */
  cut(one: string, two: string, end: LinkEnd = "cut"): void {
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const link = this.link(from, to);
      if (link === undefined) continue;
      this.failures.push(...link.failures);
      this.#links.delete(`${from}>${to}`);
      link.queue.length = 0;
      this.#buses.get(from)?.onClose(link, end);
    }
  }

  /** Ends a node. */
  kill(tag: string, end: LinkEnd = "gone"): void {
    for (const other of this.#buses.keys()) if (other !== tag) this.cut(tag, other, end);
    this.#buses.delete(tag);
  }

  /** The links with frames under way. */
  get busy(): readonly MemoryLink[] {
    return this.#busy();
  }

  /** Delivers all that is under way, until nothing is. */
  deliver(): void {
    for (let links = this.#busy(); links.length > 0; links = this.#busy()) for (const link of links) link.deliver(1);
  }

  #busy(): MemoryLink[] {
    return [...this.#links.values()].filter(({ queue }) => queue.length > 0);
  }
}

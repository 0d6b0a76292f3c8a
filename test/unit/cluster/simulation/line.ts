/*
 * One HTTP connection of the simulation, with one request: a stream in memory between a client and the HTTP server of a node.
 * The scheduler moves bytes in three steps: to the node, out of the node, to the client.
 */
import { Duplex } from "node:stream";

/** Receives what the node answers. */
export interface LineReader {
  onBytes(bytes: Buffer): void;
  /** Nothing more will come. */
  onBroken(): void;
}

/** A write of the node that has not left it. */
interface Unsent {
  readonly bytes: Buffer | undefined;
  readonly done: () => void;
}

/** One for all lines: a stack trace costs more than a step. */
const RESET = Object.assign(new Error("the client has left"), { code: "ECONNRESET" });

/** The node's side of the connection. */
export class Line extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort = 40_000;
  #up: Buffer[];
  #unsent: Unsent[] = [];
  #down: Buffer[] = [];
  readonly #reader: LineReader;
  /** The client's side; it `knows` once the node knows that it has left. */
  #client: "open" | "left" | "knows" = "open";
  #isEnded = false;
  #isStarted = false;
  /** Whether the process of the node has ended. */
  #isDead = false;
  readonly #accept: (line: Line) => void;

  constructor(pieces: Buffer[], reader: LineReader, accept: (line: Line) => void) {
    super();
    this.#up = pieces;
    this.#reader = reader;
    this.#accept = accept;
    this.on("error", () => undefined);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#unsent.push({ bytes, done });
  }

  /** Writes of one turn leave together, as they do on a socket. */
  override _writev(writes: readonly { readonly chunk: unknown }[], done: () => void): void {
    this.#unsent.push({ bytes: Buffer.concat(writes.map(({ chunk }) => chunk as Buffer)), done });
  }

  override _final(done: () => void): void {
    this.#unsent.push({ bytes: undefined, done });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#unsent = [];
    this.#isEnded = true;
    done(error);
  }

  // ---- the client --------------------------------------------------------------------------------------------------

  /** The client sends more. */
  say(bytes: Buffer): void {
    this.#up.push(bytes);
  }

  /** The client has its answer, or has given up; the node learns of it later. */
  leave(): void {
    if (this.#client === "open") this.#client = "left";
  }

  /** The process of the node has ended. What has left it still arrives. */
  kill(): void {
    this.#unsent = [];
    this.#isEnded = true;
    this.#isDead = true;
    this.#up = [];
  }

  get hasUp(): boolean {
    return !this.#isDead && !this.destroyed && (this.#up.length > 0 || this.#client === "left");
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  get hasDown(): boolean {
    return this.#client === "open" && (this.#down.length > 0 || (this.#isEnded && this.#unsent.length === 0));
  }

  /** Whether nothing can happen any more. */
  get isOver(): boolean {
    return (this.#isDead || this.destroyed) && this.#client !== "open";
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  /** A piece of the request reaches the node. */
  arrive(): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#accept(this);
    }
    const bytes = this.#up.shift();
    if (bytes !== undefined) this.push(bytes);
    else if (this.#client === "left") {
      this.#client = "knows";
      this.destroy(this.#isEnded ? undefined : RESET);
    }
  }

  /** A write of the node leaves it. */
  flush(): void {
    const write = this.#unsent.shift();
    if (write === undefined) return;
    if (write.bytes === undefined) this.#isEnded = true;
    else this.#down.push(write.bytes);
    write.done();
  }

  /** The client reads. */
  hear(): void {
    const bytes = this.#down.shift();
    if (bytes !== undefined) return this.#reader.onBytes(bytes);
    this.#client = "left";
    this.#reader.onBroken();
  }
}

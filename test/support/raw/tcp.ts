import { connect, type Socket } from "node:net";
import { within } from "../waiting.ts";

/** A bare TCP connection: any bytes, any end. */
export class RawTcp {
  readonly stream: Socket;
  #port = 0;
  readonly #chunks: Buffer[] = [];
  #onData: () => void = () => undefined;

  private constructor(stream: Socket) {
    this.stream = stream;
    stream.on("error", () => undefined);
    stream.on("data", (chunk) => {
      this.#chunks.push(chunk);
      this.#onData();
    });
  }

  static async open(port: number): Promise<RawTcp> {
    const client = new RawTcp(connect({ port, host: "127.0.0.1", noDelay: true }));
    await within(new Promise((resolve) => client.stream.once("connect", resolve)), "a TCP connection");
    client.#port = client.stream.localPort ?? 0;
    return client;
  }

  /** The port of this side. */
  get localPort(): number {
    return this.#port;
  }

  /** The bytes received so far. */
  get received(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  /** Writes bytes; resolves once the kernel has accepted them. */
  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.stream.write(bytes, () => resolve()));
  }

  /** Waits until the received text matches. */
  until(pattern: RegExp): Promise<string> {
    const found = new Promise<string>((resolve) => {
      this.#onData = () => {
        if (pattern.test(this.received)) resolve(this.received);
      };
      this.#onData();
    });
    return within(found, () => `${pattern} from the server, which sent ${JSON.stringify(this.received.slice(0, 200))}`);
  }

  /** Waits until the connection is closed, and returns the received bytes. */
  async ended(): Promise<string> {
    if (!this.stream.closed) {
      await within(new Promise((resolve) => this.stream.once("close", resolve)), "the server to end a TCP connection");
    }
    return this.received;
  }

  /** Sends an RST. */
  reset(): void {
    this.stream.resetAndDestroy();
  }

  /** Sends a FIN. */
  end(): void {
    this.stream.destroy();
  }
}

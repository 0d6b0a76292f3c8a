import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from "node:net";

/** Connections to a port, which a test may cut. */
export class Relay {
  readonly #server: NetServer;
  readonly #streams = new Set<Socket>();
  /** Where new connections lead. */
  port: number;
  #state: "open" | "cut" = "open";

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer((near) => {
      if (this.#state === "cut") near.destroy();
      else this.#join(near);
    });
  }

  #join(near: Socket): void {
    const far = connect(this.port, "127.0.0.1");
    for (const [stream, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#streams.add(stream);
      stream.on("error", () => other.destroy());
      stream.on("close", () => other.destroy());
      stream.pipe(other);
    }
  }

  static async to(port: number): Promise<Relay> {
    const relay = new Relay(port);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#state = "cut";
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  mend(): void {
    this.#state = "open";
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Stands between clients and a server, and loses their connections: on the side of the client, or on both. */
export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, upstream: Socket]>();

  constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      const pair = [client, upstream] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [upstream, client]] as const) {
        from.on("data", (chunk) => to.write(chunk));
        from.on("error", () => {});
        from.on("end", () => to.end());
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections; the server learns of it, or its side stays open and silent. */
  cut(serverLearns: boolean): void {
    for (const [client, upstream] of this.#pairs) {
      upstream.removeAllListeners("data").resume();
      client.removeAllListeners("data").removeAllListeners("end").destroy();
      if (serverLearns) upstream.destroy();
    }
  }

  async stop(): Promise<void> {
    for (const [client, upstream] of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

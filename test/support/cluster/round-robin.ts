import { type ClientRequest, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A balancer that sends each request to the next server, over a connection of its own. */
export class RoundRobin {
  readonly server: Server;
  ports: readonly number[];
  #next = 0;

  constructor(ports: readonly number[]) {
    this.ports = ports;
    this.server = createServer((req, res) => {
      const port = this.ports[this.#next++ % this.ports.length];
      const { url, method, rawHeaders } = req;
      const upstream: ClientRequest = request({ port, host: "127.0.0.1", path: url, method, agent: false });
      for (let i = 0; i < rawHeaders.length; i += 2) upstream.appendHeader(rawHeaders[i]!, rawHeaders[i + 1]!);
      upstream.on("response", (answer) => {
        res.writeHead(answer.statusCode!, answer.statusMessage, answer.headers);
        res.flushHeaders();
        answer.pipe(res);
        answer.on("error", () => res.destroy());
      });
      upstream.on("error", () => res.destroy());
      res.on("close", () => upstream.destroy());
      req.pipe(upstream);
    });
  }

  static async over(ports: readonly number[]): Promise<RoundRobin> {
    const balancer = new RoundRobin(ports);
    await new Promise<void>((resolve) => balancer.server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

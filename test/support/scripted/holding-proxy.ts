import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Returns how many of the bytes that have come from the server may pass before the answer is complete. */
export type Holding = (received: number) => number;

/** A proxy that holds back parts of answers until they are complete. */
export class HoldingProxy {
  readonly #upstream: number;
  readonly #holding: Holding;
  readonly #http = createServer((req, res) => this.#forward(req, res));
  readonly #sockets = new Set<Socket>();
  /** Answers under way. */
  readonly #answers = new Set<IncomingMessage>();
  /** The requests that passed: method and URL. */
  readonly requests: string[] = [];

  constructor(upstream: number, holding: Holding) {
    this.#upstream = upstream;
    this.#holding = holding;
    this.#http.on("connection", (socket) => this.#sockets.add(socket));
  }

  /** @returns the URL */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Cuts the connections to the server of all answers under way. */
  cutAnswers(): void {
    for (const answer of this.#answers) answer.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** The GETs among the requests. */
  get polls(): string[] {
    return this.requests.filter((line) => line.startsWith("GET"));
  }

  #forward(req: IncomingMessage, res: ServerResponse): void {
    const { url = "", method, headers } = req;
    this.requests.push(`${method} ${url}`);
    const upstream = request({ host: "127.0.0.1", port: this.#upstream, path: url, method, headers, agent: false });
    upstream.on("error", () => res.destroy());
    upstream.on("response", (answer) => this.#pass(answer, res));
    res.once("close", () => upstream.destroy());
    req.pipe(upstream);
  }

  #pass(answer: IncomingMessage, res: ServerResponse): void {
    this.#answers.add(answer);
    let held = Buffer.alloc(0);
    let received = 0;
    let sent = 0;
    res.writeHead(answer.statusCode ?? 500, answer.headers).flushHeaders();
    answer.on("data", (chunk: Buffer) => {
      received += chunk.length;
      held = Buffer.concat([held, chunk]);
      const size = Math.max(0, Math.min(held.length, this.#holding(received) - sent));
      if (size > 0) res.write(held.subarray(0, size));
      sent += size;
      held = held.subarray(size);
    });
    answer.on("end", () => res.end(held));
    answer.on("close", () => {
      this.#answers.delete(answer);
      if (!answer.complete) res.destroy();
    });
  }
}

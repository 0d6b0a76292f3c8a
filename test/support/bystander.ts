import { io as connectClient, type Socket } from "socket.io-client";
import type { Server } from "socket.io";
import { nextEvent, turn, within } from "./waiting.ts";

/** A well-behaved client beside misbehaving ones; it must not be affected by them. */
export class Bystander {
  readonly #clients: Socket[];
  readonly #accidents: string[] = [];
  readonly #onAccident = (error: unknown): void => {
    this.#accidents.push(error instanceof Error ? `${error.message}\n${error.stack}` : String(error));
  };
  #count = 0;

  private constructor(clients: Socket[]) {
    this.#clients = clients;
    for (const client of clients)
      client.on("disconnect", (reason) => this.#accidents.push(`a bystander was disconnected: ${reason}`));
    process.on("uncaughtException", this.#onAccident);
    process.on("unhandledRejection", this.#onAccident);
  }

  /** Two clients, one on each transport; the server must answer `bystander` events. */
  static async join(io: Server, url: string): Promise<Bystander> {
    io.on("connection", (socket) =>
      socket.on("bystander", (value: number, answer: (value: number) => void) => answer(value)),
    );
    const clients = ["websocket", "polling"].map((transport) =>
      connectClient(url, { transports: [transport], forceNew: true, reconnection: false }),
    );
    await Promise.all(clients.map((client) => nextEvent(client, "connect")));
    return new Bystander(clients);
  }

  /** Rejects after an uncaught error of the process, or if one of the two clients is not served as before. */
  async check(): Promise<void> {
    await turn();
    const asked = this.#clients.map(async (client) => {
      const value = ++this.#count;
      const answer: unknown = await client.emitWithAck("bystander", value);
      if (answer !== value) throw new Error(`a bystander got ${String(answer)} for ${value}`);
    });
    await within(Promise.all(asked), () => `the bystanders' acks; accidents: ${this.#accidents.join("; ") || "none"}`);
    const accidents = this.#accidents.splice(0);
    if (accidents.length > 0) throw new Error(accidents.join("\n"));
  }

  leave(): void {
    process.off("uncaughtException", this.#onAccident);
    process.off("unhandledRejection", this.#onAccident);
    for (const client of this.#clients) client.off("disconnect").disconnect();
  }
}

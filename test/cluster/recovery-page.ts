import { EventReader } from "../support/peers/event-source.ts";
import { ClientWitness } from "./recovery-witness.ts";

/** What clients of any kind have in common. */
export interface Wanderer {
  readonly witness: ClientWitness;
  readonly received: number;
  readonly isConnected: boolean;
  /** Breaks the connection. */
  cut(): void;
  /** Leaves for good. */
  leave(): void;
}

/** A plain page that returns to any node with the id of its last event, as a browser behind a balancer does. */
export class ChaosPage implements Wanderer {
  readonly witness: ClientWitness;
  received = 0;
  isConnected = false;
  readonly #pickPort: () => number;
  #reader: EventReader | undefined;
  #lastEventId = "";
  #hasLeft = false;

  constructor(room: string, pickPort: () => number) {
    this.witness = new ClientWitness(room);
    this.#pickPort = pickPort;
    void this.#run(`/socket.io/?transport=sse&token=${room}`);
  }

  async #run(path: string): Promise<void> {
    while (!this.#hasLeft) {
      const headers: Record<string, string> = this.#lastEventId === "" ? {} : { "last-event-id": this.#lastEventId };
      const reader = (this.#reader = new EventReader({ port: this.#pickPort(), path, headers }));
      for (let event = await reader.next(); event !== "end"; event = await reader.next()) {
        const { name, data, id } = event;
        if (id !== undefined) this.#lastEventId = id;
        if (name === "connect") {
          this.isConnected = true;
          this.witness.connected((JSON.parse(data) as { recovered: boolean }).recovered);
        } else if (name === "event") {
          this.received += 1;
          const offset = id?.slice(id.indexOf(".") + 1);
          this.witness.take([name, ...(JSON.parse(data) as unknown[]), offset]);
        }
      }
      this.isConnected = false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  cut(): void {
    this.#reader?.cut();
  }

  leave(): void {
    this.#hasLeft = true;
    this.cut();
  }
}

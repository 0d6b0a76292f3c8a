import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { packetOfEvent } from "../peers/streamed-poll.ts";
import { Inbox } from "../waiting.ts";

/** A poll whose answer is read as it comes. */
export class StreamedCall {
  readonly #inbox = new Inbox<string>("a packet on a streamed poll");
  readonly #req: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  /** Bytes of the first comment. */
  prelude = 0;

  /** @param path of the session, without `stream` */
  constructor(port: number, path: string, prelude = 1, isReading = true) {
    const headers = { accept: "text/event-stream" };
    this.#req = request({ host: "127.0.0.1", port, path: `${path}&stream=${prelude}`, headers, agent: false });
    this.response = new Promise((resolve, reject) => {
      this.#req.once("response", resolve).once("error", reject);
    });
    this.#req.end();
    this.response.then((res) => (isReading ? this.#read(res) : undefined)).catch(() => this.#inbox.push("broken"));
  }

  async #read(res: IncomingMessage): Promise<void> {
    let rest = "";
    try {
      for await (const chunk of res.setEncoding("utf8")) {
        const events = (rest + (chunk as string)).split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) this.#take(event);
      }
      this.#inbox.push("end");
    } catch {
      this.#inbox.push("broken");
    }
  }

  #take(event: string): void {
    const packet = packetOfEvent(event);
    if (packet === undefined) this.prelude += event.length + 2;
    else this.#inbox.push(packet);
  }

  /** Returns the next packet, `end` or `broken`. */
  next(): Promise<string> {
    return this.#inbox.next();
  }

  /** Returns all packets up to the end. */
  async rest(): Promise<string[]> {
    const packets: string[] = [];
    for (;;) {
      const packet = await this.next();
      packets.push(packet);
      if (packet === "end" || packet === "broken") return packets;
    }
  }

  abort(): void {
    this.#req.destroy();
  }
}

import { joinPackets } from "../payload.ts";
import { Inbox } from "../waiting.ts";
import { exchange, fromText, type Peer, textOf, type WirePacket } from "./peer.ts";

const EVENT = /^data: (.*)$/;

/** A client of the transport `events`, which contract/event-stream.ts adds to the engine. */
export class EventStreamPeer implements Peer {
  readonly #inbox = new Inbox<WirePacket>("a packet, by an event");
  readonly #port: number;
  readonly #cut: () => void;
  /** The session id, from the open packet. */
  sid = "";

  constructor(port: number) {
    this.#port = port;
    const [req, response] = exchange({ port, query: "transport=events" });
    this.#cut = () => req.destroy();
    response.then((res) => this.#read(res.setEncoding("utf8"))).catch(() => this.#inbox.push("end"));
  }

  async #read(events: AsyncIterable<string>): Promise<void> {
    let rest = "";
    for await (const chunk of events) {
      const lines = (rest + chunk).split("\n\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(EVENT.exec(line)?.[1] ?? "null") as string);
    }
    this.#inbox.push("end");
  }

  #take(packet: string): void {
    if (packet.startsWith("0")) this.sid = (JSON.parse(packet.slice(1)) as { sid: string }).sid;
    if (!packet.startsWith("1")) this.#inbox.push(fromText(packet));
  }

  send(...packets: WirePacket[]): Promise<unknown> {
    const query = `transport=events&sid=${this.sid}`;
    return textOf(exchange({ port: this.#port, query, method: "POST", body: joinPackets(packets) })[1]);
  }

  next(): Promise<WirePacket> {
    return this.#inbox.next();
  }

  cut(): void {
    this.#cut();
  }
}

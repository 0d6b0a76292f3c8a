import type { ClientRequest } from "node:http";
import { joinPackets } from "../payload.ts";
import { Inbox } from "../waiting.ts";
import { exchange, fromText, type OpenPeer, type Peer, textOf, type WirePacket } from "./peer.ts";

/** Returns the packet of an event of a streamed poll; undefined for a comment. */
export function packetOfEvent(event: string): string | undefined {
  const text = /^data: (.*)$/s.exec(event)?.[1];
  return text?.startsWith("j") ? (JSON.parse(text.slice(1)) as string) : text;
}

/** A polling client that asks for answers that go on. */
class StreamedPeer implements Peer {
  readonly #inbox = new Inbox<WirePacket>("a packet, by a streamed poll");
  readonly #port: number;
  #poll: ClientRequest | undefined;

  constructor(port: number) {
    this.#port = port;
    void this.#pollOn();
  }

  async #pollOn(): Promise<void> {
    let hasEnded = false;
    while (!hasEnded) {
      const call = { port: this.#port, query: "transport=polling&stream=1", accept: "text/event-stream" };
      const [req, response] = exchange(call);
      this.#poll = req;
      hasEnded = await this.#read(response).catch(() => true);
    }
    this.#inbox.push("end");
  }

  /** @returns whether a close packet was among the events */
  async #read(response: ReturnType<typeof exchange>[1]): Promise<boolean> {
    let rest = "";
    let hasEnded = false;
    for await (const chunk of (await response).setEncoding("utf8")) {
      const events = (rest + (chunk as string)).split("\n\n");
      rest = events.pop() ?? "";
      for (const packet of events.map(packetOfEvent)) {
        if (packet?.startsWith("1")) hasEnded = true;
        else if (packet !== undefined) this.#inbox.push(fromText(packet));
      }
    }
    return hasEnded;
  }

  send(...packets: WirePacket[]): Promise<unknown> {
    const body = joinPackets(packets);
    return textOf(exchange({ port: this.#port, query: "transport=polling", method: "POST", body })[1]);
  }

  next(): Promise<WirePacket> {
    return this.#inbox.next();
  }

  cut(): void {
    this.#poll?.destroy();
  }
}

export const openStreamedPoll: OpenPeer = async (port) => new StreamedPeer(port);

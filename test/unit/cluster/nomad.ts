import { type Peer, settle } from "../socketio/peer.ts";
import type { TestNode } from "./adapter-cluster-bench.ts";

/** A client with recovery that moves from node to node. */
export class Nomad {
  peer!: Peer;
  sid = "";
  pid = "";
  offset: string | undefined;
  state: "connecting" | "connected" = "connecting";
  /** The events since the last connection that was not recovered, without offsets. */
  events: unknown[][] = [];

  /** Connects to a node; `pump` lets messages between nodes arrive. Returns whether the session was recovered. */
  async connect({ bench }: Pick<TestNode, "bench">, pump: () => void = () => undefined): Promise<boolean> {
    this.peer = bench.peer();
    this.state = "connecting";
    await this.peer.say(`0${this.pid === "" ? "" : JSON.stringify({ pid: this.pid, offset: this.offset })}`);
    const messages: unknown[] = [];
    const find = (): unknown => messages.find((text) => String(text).startsWith("0"));
    for (let i = 0; find() === undefined; i++) {
      if (i > 1000) throw new Error("the client was not answered");
      pump();
      messages.push(...(await this.peer.hear()));
    }
    const answer = JSON.parse(String(find()).slice(1)) as { sid: string; pid: string };
    const recovered = answer.pid === this.pid;
    if (!recovered) {
      this.events = [];
      this.offset = undefined;
    }
    Object.assign(this, answer);
    this.state = "connected";
    this.take(messages.filter((text) => text !== find()));
    return recovered;
  }

  take(messages: readonly unknown[]): void {
    for (const text of messages) {
      const event = JSON.parse(String(text).slice(1)) as unknown[];
      this.offset = event.pop() as string;
      this.events.push(event);
    }
  }

  /** Takes what has arrived, and loses the connection. `most`: what it gets of that. */
  async lose(most = Infinity): Promise<void> {
    const messages = await this.peer.hear();
    this.take(messages.slice(0, most));
    this.peer.transport.lose();
    await settle();
  }
}

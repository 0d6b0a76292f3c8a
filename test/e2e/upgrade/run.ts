import type { Socket as Session } from "engine.io";
import { expect } from "vitest";
import type { RunningEngine } from "../../support/servers/host.ts";
import { RawPolling, type PendingPoll } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, within } from "../../support/waiting.ts";

/** The moments of an upgrade at which something can be sent. */
export const STEPS = ["opened", "candidate", "probing", "probed", "paused", "committing", "committed"] as const;
export type Step = (typeof STEPS)[number];

/** When the client leaves a poll with the server; "never" means that it polls only where it has to. */
export const POLLS = ["never", "opened", "candidate", "probed", "committing"] as const;
export type PollStep = (typeof POLLS)[number];

/** The number of messages per direction and step, and the client's use of polls. */
export interface Plan {
  readonly down: Readonly<Partial<Record<Step, number>>>;
  readonly up: Readonly<Partial<Record<Step, number>>>;
  readonly polls: ReadonlySet<PollStep>;
  /** The steps at which the candidate is lost first, and another one tried. */
  readonly failures?: readonly Step[];
}

const POST_SIZE = 100;

/** Every seventh message is binary. */
const message = (index: number): string | Buffer => (index % 7 === 3 ? Buffer.from(String(index)) : String(index));

/** The number in a packet as the client got it; none for packets of other kinds. */
function numberOf(packet: string | Buffer): number[] {
  if (typeof packet !== "string") return [Number(packet.toString())];
  if (packet.startsWith("b")) return [Number(Buffer.from(packet.slice(1), "base64").toString())];
  return packet.startsWith("4") && packet !== "4end" ? [Number(packet.slice(1))] : [];
}

/** One session that is upgraded while numbered messages go both ways. */
export class UpgradeRun {
  readonly #server: RunningEngine;
  readonly #plan: Plan;
  readonly #atServer: number[] = [];
  readonly #atClient: number[] = [];
  #sentDown = 0;
  #sentUp = 0;
  #poll: PendingPoll | undefined;
  #polling!: RawPolling;
  #session!: Session;

  constructor(server: RunningEngine, plan: Plan) {
    this.#server = server;
    this.#plan = plan;
  }

  /** Runs the plan, then compares received with sent messages. */
  async run(): Promise<void> {
    const connection = nextEvent<[Session]>(this.#server.engine, "connection");
    this.#polling = await RawPolling.open({ port: this.#server.port, path: "/engine.io/" });
    [this.#session] = await connection;
    const end = this.#listen();
    await this.#at("opened");
    for (const failure of this.#plan.failures ?? []) await this.#fail(failure);
    const websocket = await this.#candidate();
    await this.#at("candidate");
    await this.#probe(websocket);
    await this.#pause();
    await this.#commit(websocket);
    await this.#finish(websocket, end);
    const numbers = (count: number): number[] => Array.from({ length: count }, (_value, index) => index);
    expect(this.#atClient, "messages of the server at the client").toEqual(numbers(this.#sentDown));
    expect(this.#atServer, "messages of the client at the server").toEqual(numbers(this.#sentUp));
  }

  #listen(): Promise<void> {
    const end = new Promise<void>((resolve, reject) => {
      this.#session.on("message", (data: string | Buffer) => {
        if (data === "end") resolve();
        else this.#atServer.push(Number(data.toString()));
      });
      this.#session.once("close", (reason) => reject(new Error(`the session closed: ${String(reason)}`)));
    });
    end.catch(() => undefined);
    return within(end, () => `the last message at the server, which has ${this.#atServer.length} of ${this.#sentUp}`);
  }

  #candidate(): Promise<RawWebSocket> {
    return RawWebSocket.connect({ port: this.#server.port, path: "/engine.io/", sid: this.#polling.sid });
  }

  async #probe(websocket: RawWebSocket): Promise<void> {
    websocket.send("2probe");
    await this.#at("probing");
    await websocket.until((packet) => packet === "3probe");
    await this.#at("probed");
  }

  /** A client stops polling before it commits: it waits for the poll under way, which the server has to answer. */
  async #pause(): Promise<void> {
    await this.#settle();
    await this.#at("paused");
    await this.#settle();
  }

  async #commit(websocket: RawWebSocket): Promise<void> {
    if (this.#plan.polls.has("committing")) await this.#beginPoll();
    websocket.send("5");
    this.#pushUp(websocket, this.#plan.up.committing ?? 0);
    this.#sendDown(this.#plan.down.committing ?? 0);
    if (this.#session.transport.name === "polling") await nextEvent(this.#session, "upgrade");
    await this.#settle();
    this.#sendDown(this.#plan.down.committed ?? 0);
    this.#pushUp(websocket, this.#plan.up.committed ?? 0);
  }

  async #finish(websocket: RawWebSocket, end: Promise<void>): Promise<void> {
    this.#session.send("end");
    websocket.send("4end");
    for (let packet = await websocket.next(); packet !== "4end"; packet = await websocket.next()) {
      this.#atClient.push(...numberOf(packet));
    }
    await end;
    this.#session.removeAllListeners("close");
    await websocket.close();
  }

  /** A candidate that is lost at `step`; the session goes on as if it had never been. */
  async #fail(step: Step): Promise<void> {
    const websocket = await this.#candidate();
    if (step === "probing" || step === "probed") websocket.send("2probe");
    if (step === "probed") await websocket.until((packet) => packet === "3probe");
    this.#sendDown(5);
    websocket.reset();
    await websocket.ended();
    await this.#postUp(5);
    await within(this.#candidateForgotten(), "the session to forget a lost candidate");
  }

  async #candidateForgotten(): Promise<void> {
    while (this.#session.upgrading) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends the messages of a step before the commit; the commit sends its own. */
  async #at(step: Exclude<Step, "committing" | "committed">): Promise<void> {
    if (this.#plan.polls.has(step as PollStep)) await this.#beginPoll();
    this.#sendDown(this.#plan.down[step] ?? 0);
    await this.#postUp(this.#plan.up[step] ?? 0);
  }

  #sendDown(count: number): void {
    for (let i = 0; i < count; i++) this.#session.send(message(this.#sentDown++));
  }

  async #postUp(count: number): Promise<void> {
    for (let left = count; left > 0; left -= POST_SIZE) {
      const packets = Array.from({ length: Math.min(left, POST_SIZE) }, () => message(this.#sentUp++));
      const reply = await this.#polling.post(...packets.map((data) => (typeof data === "string" ? `4${data}` : data)));
      if (reply.status !== 200) throw new Error(`POST answered ${reply.status} ${reply.text}`);
    }
  }

  #pushUp(websocket: RawWebSocket, count: number): void {
    for (let i = 0; i < count; i++) {
      const data = message(this.#sentUp++);
      websocket.send(typeof data === "string" ? `4${data}` : data);
    }
  }

  async #beginPoll(): Promise<void> {
    await this.#settleIfAnswered();
    if (this.#poll) return;
    this.#poll = this.#polling.beginPoll();
    await this.#poll.arrived;
  }

  /** Waits for the poll under way, if any. */
  async #settle(): Promise<void> {
    const poll = this.#poll;
    if (!poll) return;
    this.#poll = undefined;
    const packets = await poll.packets;
    this.#atClient.push(...packets.flatMap(numberOf));
  }

  async #settleIfAnswered(): Promise<void> {
    const poll = this.#poll;
    if (!poll) return;
    const answered = await Promise.race([
      poll.packets.then(() => true),
      new Promise<boolean>((resolve) => setImmediate(resolve, false)),
    ]);
    if (answered) await this.#settle();
  }
}

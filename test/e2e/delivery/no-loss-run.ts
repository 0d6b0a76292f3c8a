import type { Server, Socket as ServerSocket } from "socket.io";
import { expect } from "vitest";
import { CLIENTS, type ClientOptions, type Connect } from "../../support/clients.ts";
import { eventually } from "../../support/servers/cluster.ts";
import { serve } from "../../support/servers/host.ts";
import { Random } from "../../support/random.ts";
import { type Loss, LOSSES, Relay, type Weather } from "../../support/scripted/relay.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;

export const numbers = (count: number): number[] => Array.from({ length: count }, (_value, index) => index);

/** Network faults that change the timing and splitting of all data, without loss. */
export const rough = (random: Random): Weather => ({ random, delay: 2, piece: 400 });

/** A callback that must settle exactly once. */
interface Question {
  answers: number;
}

/** A client and a server with a relay between them, and numbered messages both ways. */
export class NoLossRun {
  readonly io: Server;
  readonly #relay: Relay;
  readonly #client: ReturnType<Connect>;
  readonly #random: Random;
  readonly #ends: readonly (() => unknown)[];
  readonly #atClient: number[] = [];
  readonly #atServer: number[] = [];
  readonly #asked: Question[] = [];
  /** With the option `retries` the client sends one message at a time, and waits until it is acknowledged. */
  readonly #pace: number;
  #sentDown = 0;
  #sentUp = 0;

  private constructor(
    io: Server,
    relay: Relay,
    url: string,
    options: ClientOptions,
    random: Random,
    stop: () => unknown,
  ) {
    this.io = io;
    this.#relay = relay;
    this.#random = random;
    this.#client = connect(url, options);
    this.#pace = options.retries ? 2 : 8;
    this.#ends = [() => this.#client.disconnect(), () => relay.stop(), stop];
    this.#client.on("down", (index: number) => this.#atClient.push(index));
    this.#client.on("ask", (index: number, answer: (index: number) => void) => answer(index));
    io.on("connection", (socket) => this.#listen(socket));
  }

  static async start(seed: number, options: ClientOptions, recovery: boolean): Promise<NoLossRun> {
    const random = new Random(seed);
    // If a WebSocket dies after `3probe`, the client only detects it by the heartbeat.
    const recovering = { connectionStateRecovery: {}, pingInterval: 500, pingTimeout: 1000 };
    const running = await serve(portage, recovery ? recovering : {});
    const relay = new Relay(running.port, rough(random));
    const url = await relay.listen();
    const run = new NoLossRun(running.io, relay, url, options, random, () => running.stop());
    await nextEvent(run.#client, "connect");
    return run;
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) await end();
  }

  get socket(): ServerSocket | undefined {
    return [...this.io.of("/").sockets.values()][0];
  }

  get client(): ReturnType<Connect> {
    return this.#client;
  }

  /** Messages at random moments until all are sent, with acknowledgements among them. */
  async talk(count: number, onTurn: () => Promise<void> | void = () => undefined): Promise<void> {
    const end = this.#sentDown + count;
    while (this.#sentDown < end) {
      for (let left = this.#random.below(8); left > 0 && this.#sentDown < end; left--)
        this.io.emit("down", this.#sentDown++);
      for (let left = this.#random.below(this.#pace); left > 0; left--) this.#sendUp();
      if (this.#random.below(10) === 0) this.#ask();
      await (this.#random.below(3) === 0
        ? turn()
        : new Promise((resolve) => setTimeout(resolve, this.#random.below(4))));
      await onTurn();
    }
  }

  /** Loses all connections in one way or another, and waits until the client is back with its session. */
  async lose(loss: Loss = this.#random.pick(LOSSES)): Promise<void> {
    const { id } = this.#client;
    const lost = nextEvent(this.#client, "disconnect");
    const back = nextEvent(this.#client, "connect");
    // Between two polls the client has no connection to lose.
    const again = setInterval(() => this.#relay.cut(loss), 5);
    await lost.finally(() => clearInterval(again));
    await back;
    expect(this.#client, `recovered after ${loss}`).toMatchObject({ recovered: true, id });
  }

  /** Everything has arrived, once and in order; every question was answered once, or failed once. */
  async settle(): Promise<void> {
    await eventually(async () => {
      expect(this.#atClient.length, "messages at the client").toBeGreaterThanOrEqual(this.#sentDown);
      expect(new Set(this.#atServer).size, "messages at the server").toBeGreaterThanOrEqual(this.#sentUp);
      expect(this.#asked.filter(({ answers }) => answers === 0)).toEqual([]);
    });
    expect(this.#atClient).toEqual(numbers(this.#sentDown));
    expect(this.#asked.filter(({ answers }) => answers !== 1)).toEqual([]);
  }

  /** The client's messages, in order of arrival. */
  get received(): readonly number[] {
    return this.#atServer;
  }

  get sentUp(): number {
    return this.#sentUp;
  }

  #listen(socket: ServerSocket): void {
    socket.on("up", (index: number, answer?: () => void) => {
      this.#atServer.push(index);
      answer?.();
    });
    socket.on("ask", (index: number, answer: (index: number) => void) => answer(index));
  }

  #sendUp(): void {
    this.#client.emit("up", this.#sentUp++);
  }

  #ask(): void {
    const index = this.#asked.length;
    const note = (question: Question): ((error: Error | null, value?: number) => void) => {
      this.#asked.push(question);
      return (error, value) => {
        question.answers++;
        if (!error) expect(value).toBe(index);
      };
    };
    this.#client.timeout(500).emit("ask", index, note({ answers: 0 }));
    this.socket?.timeout(500).emit("ask", index, note({ answers: 0 }));
  }
}

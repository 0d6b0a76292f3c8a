/*
 * A client of the simulation: Socket.IO over Engine.IO 4, by polling, some with an upgrade to WebSocket. At most one GET and one
 * POST are under way; each request goes to another node.
 */
import type { Random } from "../../../support/random.ts";
import type { Line, LineReader } from "./line.ts";
import { type Answer, frameOf, joinPackets, readAnswer, readFrames, splitPackets } from "./wire.ts";

export type RequestKind = "GET" | "POST" | "WS";

/** A request under way. */
export interface Visit {
  readonly kind: RequestKind;
  readonly line: Line;
  readonly id: number;
}

/** Opens a connection to some node. */
export type Opener = (client: SimClient, kind: RequestKind, request: Request) => Visit;

/** A request, in pieces that arrive one by one. */
interface Request {
  pieces(id: number): Buffer[];
  readonly reader: LineReader;
}

/** Why a client has ended. */
export interface ClientEnd {
  readonly why: string;
  readonly status?: number;
  readonly body?: string;
}

/** Where the upgrade is. */
type Upgrade = "none" | "probing" | "pausing" | "done" | "failed";

/** Receives what a client hears. */
export interface ClientObserver {
  onOpened(client: SimClient): void;
  onMessage(client: SimClient, event: string, args: readonly unknown[]): void;
  onClientEnd(client: SimClient): void;
}

const QUERY = "/socket.io/?EIO=4";

export class SimClient {
  readonly name: string;
  readonly #open: Opener;
  readonly #observer: ClientObserver;
  readonly wantsUpgrade: boolean;
  /** Whether a balancer repeats a GET whose connection broke. */
  readonly isRepeated: boolean;
  sid = "";
  end: ClientEnd | undefined;
  isConnected = false;
  upgrade: Upgrade = "none";
  /** The refusal of the upgrade. */
  failedUpgrade: Answer | undefined;
  readonly visits = new Map<RequestKind, Visit>();
  #queue: string[] = [];
  #socket: Buffer = Buffer.alloc(0);

  constructor(
    name: string,
    traits: { wantsUpgrade: boolean; isRepeated: boolean },
    { open, observer }: { open: Opener; observer: ClientObserver },
  ) {
    this.name = name;
    this.wantsUpgrade = traits.wantsUpgrade;
    this.isRepeated = traits.isRepeated;
    this.#open = open;
    this.#observer = observer;
  }

  // ---- what the scheduler calls ------------------------------------------------------------------------------------

  /** Whether a request may begin. */
  get isReady(): boolean {
    if (this.end) return false;
    return this.#mayPoll || this.#mayPost || this.#mayUpgrade;
  }

  get #mayPoll(): boolean {
    return this.upgrade !== "done" && this.upgrade !== "pausing" && !this.visits.has("GET");
  }

  get #mayPost(): boolean {
    const isPolling = this.upgrade !== "done" && this.upgrade !== "pausing";
    return isPolling && this.sid !== "" && this.#queue.length > 0 && !this.visits.has("POST");
  }

  get #mayUpgrade(): boolean {
    return this.wantsUpgrade && this.upgrade === "none" && this.isConnected;
  }

  /** Begins a request. */
  act(random: Random): void {
    const choices: RequestKind[] = [];
    if (this.#mayPoll) choices.push("GET");
    if (this.#mayPost) choices.push("POST");
    if (this.#mayUpgrade) choices.push("WS");
    if (choices.length === 0) return;
    const kind = random.pick(choices);
    if (kind === "GET") this.#poll();
    else if (kind === "POST") this.#post(random.pick([1, 3]));
    else this.#startUpgrade();
  }

  say(event: string, ...args: unknown[]): void {
    this.#send(`42${JSON.stringify([event, ...args])}`);
  }

  /** The user closes the page: the connections break. */
  vanish(): void {
    this.#finish({ why: "vanished" });
  }

  // ---- packets -----------------------------------------------------------------------------------------------------

  #send(packet: string): void {
    if (this.end) return;
    if (this.upgrade === "done") this.visits.get("WS")?.line.say(frameOf(packet));
    else this.#queue.push(packet);
  }

  #receive(packet: string): void {
    if (this.end) return;
    const data = packet.slice(1);
    const type = packet[0];
    if (type === "0") {
      this.sid = (JSON.parse(data) as { sid: string }).sid;
      this.#observer.onOpened(this);
      this.#send("40");
    } else if (type === "1") this.#finish({ why: "close packet" });
    else if (type === "2") this.#send("3");
    else if (type === "4") this.#hear(data);
  }

  #hear(packet: string): void {
    if (packet[0] === "0") this.isConnected = true;
    else if (packet[0] === "1") this.#finish({ why: "disconnected" });
    else if (packet[0] === "2") {
      const [event, ...args] = JSON.parse(packet.slice(1)) as [string, ...unknown[]];
      this.#observer.onMessage(this, event, args);
    } else this.#finish({ why: `an odd packet: ${packet}` });
  }

  #finish(end: ClientEnd): void {
    if (this.end) return;
    this.end = end;
    for (const { line } of this.visits.values()) line.leave();
    this.visits.clear();
    this.#observer.onClientEnd(this);
  }

  // ---- polling -----------------------------------------------------------------------------------------------------

  #begin(kind: RequestKind, pieces: (id: number) => Buffer[], reader: LineReader): void {
    this.visits.set(kind, this.#open(this, kind, { pieces, reader }));
  }

  get #url(): string {
    return `${QUERY}&transport=polling${this.sid && `&sid=${this.sid}`}`;
  }

  #poll(): void {
    const head = (id: number): Buffer[] => [Buffer.from(`GET ${this.#url} HTTP/1.1\r\n${headers(id)}\r\n`)];
    const reader = new AnswerReader(
      (answer) => {
        if (answer.status !== 200) return this.#refused("GET", answer);
        this.#leave("GET");
        for (const packet of splitPackets(answer.body)) this.#receive(packet);
        this.#commit();
      },
      (hasBytes) => {
        // A balancer repeats a GET that was not answered.
        if (!this.isRepeated || hasBytes) return this.#finish({ why: "the connection of a GET broke" });
        this.#leave("GET");
        this.#poll();
      },
    );
    this.#begin("GET", head, reader);
  }

  #post(pieceCount: number): void {
    const body = Buffer.from(joinPackets(this.#queue.splice(0)));
    const pieces = (id: number): Buffer[] => {
      const fields = `${headers(id)}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n`;
      const head = Buffer.from(`POST ${this.#url} HTTP/1.1\r\n${fields}\r\n`);
      return pieceCount === 1 ? [Buffer.concat([head, body])] : [head, body.subarray(0, 3), body.subarray(3)];
    };
    const reader = new AnswerReader(
      (answer) => {
        if (answer.status !== 200 || answer.body !== "ok") return this.#refused("POST", answer);
        this.#leave("POST");
        this.#commit();
      },
      () => this.#finish({ why: "the connection of a POST broke" }),
    );
    this.#begin("POST", pieces, reader);
  }

  #refused(kind: RequestKind, { status, body }: Answer): void {
    this.#finish({ why: `${kind} was refused`, status, body });
  }

  /** The request has its answer. */
  #leave(kind: RequestKind): void {
    this.visits.get(kind)?.line.leave();
    this.visits.delete(kind);
  }

  // ---- the upgrade -------------------------------------------------------------------------------------------------

  #startUpgrade(): void {
    this.upgrade = "probing";
    const url = `${QUERY}&transport=websocket&sid=${this.sid}`;
    const fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const head = (id: number): Buffer[] => [
      Buffer.from(`GET ${url} HTTP/1.1\r\nHost: sim\r\nX-Id: ${id}\r\n${fields}${key}\r\n`),
    ];
    this.#socket = Buffer.alloc(0);
    const answered = new AnswerReader(
      (answer) => {
        if (answer.status !== 101) return this.#upgradeFailed(answer);
        this.visits.get("WS")?.line.say(frameOf("2probe"));
        this.#readSocket(answer.rest);
      },
      () => this.#upgradeFailed(),
    );
    const reader: LineReader = {
      onBytes: (bytes) => (answered.isDone ? this.#readSocket(bytes) : answered.onBytes(bytes)),
      onBroken: () => this.#upgradeFailed(),
    };
    this.#begin("WS", head, reader);
  }

  #upgradeFailed(answer?: Answer): void {
    if (this.upgrade === "done") return this.#finish({ why: "the WebSocket broke" });
    this.#leave("WS");
    this.upgrade = "failed";
    this.failedUpgrade = answer;
  }

  #readSocket(bytes: Buffer): void {
    const { texts, isClosed, rest } = readFrames(Buffer.concat([this.#socket, bytes]));
    this.#socket = rest;
    for (const text of texts) {
      if (text !== "3probe") this.#receive(text);
      else {
        this.upgrade = "pausing";
        this.#commit();
      }
    }
    if (isClosed) this.#upgradeFailed();
  }

  /** Changes to the WebSocket once no request is under way. */
  #commit(): void {
    if (this.end || this.upgrade !== "pausing" || this.visits.has("GET") || this.visits.has("POST")) return;
    this.upgrade = "done";
    this.visits.get("WS")?.line.say(frameOf("5"));
    for (const packet of this.#queue.splice(0)) this.#send(packet);
  }
}

const headers = (id: number): string => `Host: sim\r\nX-Id: ${id}\r\nConnection: close\r\n`;

/** Collects an answer. */
class AnswerReader implements LineReader {
  readonly #onAnswer: (answer: Answer) => void;
  readonly #onBreak: (hasBytes: boolean) => void;
  #bytes: Buffer = Buffer.alloc(0);
  isDone = false;

  constructor(onAnswer: (answer: Answer) => void, onBreak: (hasBytes: boolean) => void) {
    this.#onAnswer = onAnswer;
    this.#onBreak = onBreak;
  }

  onBytes(bytes: Buffer): void {
    if (this.isDone) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const answer = readAnswer(this.#bytes);
    if (answer === undefined) return;
    this.isDone = true;
    this.#onAnswer(answer);
  }

  onBroken(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#onBreak(this.#bytes.length > 0);
  }
}

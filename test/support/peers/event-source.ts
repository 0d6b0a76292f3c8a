import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { Inbox, within } from "../waiting.ts";
import type { Peer, WirePacket } from "./peer.ts";

/** One event of a stream, as a page sees it. */
export interface StreamEvent {
  readonly name: string;
  /** Undefined: the event has not set one. */
  readonly id: string | undefined;
  readonly data: string;
}

/** Parses `text/event-stream` (HTML Standard, section 9.2.6), except for carriage returns. */
export class EventParser {
  /** Comments, without their colon. */
  readonly comments: string[] = [];
  lastEventId = "";
  retry: number | undefined;
  readonly #take: (event: StreamEvent) => void;
  #rest = "";
  #name = "";
  #id: string | undefined;
  #data: string[] = [];

  constructor(take: (event: StreamEvent) => void) {
    this.#take = take;
  }

  read(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "") this.comments.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    else if (field === "retry") this.retry = Number(value);
    else throw new Error(`the field ${field}`);
  }

  #dispatch(): void {
    const [id, data, name] = [this.#id, this.#data, this.#name || "message"];
    this.#id = undefined;
    this.#data = [];
    this.#name = "";
    if (id !== undefined) this.lastEventId = id;
    if (data.length > 0) this.#take({ name, id, data: data.join("\n") });
  }
}

export interface EventSourceCall {
  readonly port: number;
  readonly path: string;
  readonly headers?: Record<string, string>;
}

/** One connection of an EventSource, by `node:http`. */
export class EventReader {
  readonly #inbox = new Inbox<StreamEvent | "end">("an event");
  readonly parser = new EventParser((event) => this.#inbox.push(event));
  readonly #req: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  /** Resolves when the connection has ended, by either side. */
  readonly ended: Promise<void>;

  constructor({ port, path, headers = {} }: EventSourceCall) {
    const all = { accept: "text/event-stream", ...headers };
    this.#req = request({ host: "127.0.0.1", port, path, headers: all, agent: false });
    this.#response = new Promise((resolve, reject) => this.#req.once("response", resolve).once("error", reject));
    this.ended = this.#response
      .then((res) => this.#read(res.setEncoding("utf8")))
      .catch(() => undefined)
      .then(() => this.#inbox.push("end"));
    this.#req.end();
  }

  #read(res: IncomingMessage): Promise<void> {
    res.on("data", (chunk: string) => this.parser.read(chunk));
    return new Promise((resolve) => res.once("close", resolve));
  }

  async head(): Promise<{ status: number; type: string | undefined; headers: IncomingHttpHeaders }> {
    const { statusCode = 0, headers } = await within(this.#response, "the head of an answer");
    return { status: statusCode, type: headers["content-type"], headers };
  }

  /** Returns the next event, or "end". */
  next(): Promise<StreamEvent | "end"> {
    return this.#inbox.next();
  }

  /** Returns the next event with that name. */
  async event(name: string): Promise<StreamEvent> {
    for (;;) {
      const event = await this.next();
      if (event === "end") throw new Error(`the stream has ended before the event ${name}`);
      if (event.name === name) return event;
    }
  }

  /** Returns the data of all events up to the end. */
  async rest(): Promise<StreamEvent[]> {
    const all: StreamEvent[] = [];
    for (let event = await this.next(); event !== "end"; event = await this.next()) all.push(event);
    return all;
  }

  /** Stops reading. */
  async stall(): Promise<void> {
    (await this.#response).pause();
  }

  cut(): void {
    this.#req.destroy();
  }
}

/** A client of the engine's own transport `sse`, which only reads. */
export async function openEventSource(port: number): Promise<Peer> {
  const reader = new EventReader({ port, path: "/engine.io/?EIO=4&transport=sse" });
  const packetOf = ({ name, data }: StreamEvent): WirePacket =>
    name === "binary" ? Buffer.from(data, "base64") : `4${data}`;
  return {
    send: () => Promise.reject(new Error("it only reads")),
    next: async () => {
      const event = await reader.next();
      return event === "end" ? "end" : packetOf(event);
    },
    cut: () => reader.cut(),
  };
}

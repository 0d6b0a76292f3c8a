import { call, startCall, type HttpReply, type PendingCall } from "./http.ts";
import { joinPackets, joinPackets3, packetText, splitBinaryPackets3, splitPackets, splitPackets3 } from "../payload.ts";
import type { Tracer } from "../tracer.ts";

export interface RawOptions {
  readonly port: number;
  /** Default `/socket.io/`. */
  readonly path?: string;
  /** Default 4. */
  readonly revision?: 3 | 4;
  /** More query parameters. */
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** The tracer and the lane that record the traffic. */
  readonly tracer?: Tracer;
  readonly name?: string;
}

export interface OpenPacket {
  sid: string;
  upgrades: string[];
  pingInterval: number;
  pingTimeout: number;
  maxPayload: number;
}

export function queryPath(options: RawOptions, extra: Record<string, string>): string {
  const { path = "/socket.io/", revision = 4, query } = options;
  const parameters = new URLSearchParams({ EIO: String(revision), ...extra, ...query });
  return `${path}?${parameters}`;
}

/** A pending poll. */
export interface PendingPoll extends PendingCall {
  readonly arrived: Promise<void>;
  readonly packets: Promise<string[]>;
}

/** A handmade polling client of Engine.IO: the test decides on every request. */
export class RawPolling {
  readonly #options: RawOptions;
  /** Polled packets that the test has not read yet. */
  readonly #unread: string[] = [];
  sid = "";
  handshake: OpenPacket | undefined;

  constructor(options: RawOptions) {
    this.#options = options;
  }

  /** Does the handshake; read packets after the open packet with `next`. */
  static async open(options: RawOptions): Promise<RawPolling> {
    const client = new RawPolling(options);
    const packets = await client.poll();
    const open = packets.find((packet) => packet.startsWith("0"));
    if (!open) throw new Error(`no open packet but ${JSON.stringify(packets)}`);
    client.handshake = JSON.parse(open.slice(1)) as OpenPacket;
    client.sid = client.handshake.sid;
    client.#unread.push(...packets.slice(packets.indexOf(open) + 1));
    return client;
  }

  get path(): string {
    return queryPath(this.#options, { transport: "polling", ...(this.sid ? { sid: this.sid } : {}) });
  }

  /** Sends a GET; `arrived` resolves once the server has it. */
  beginPoll(): PendingPoll {
    const { port, headers } = this.#options;
    const pending = startCall({ port, path: this.path, ...(headers ? { headers } : {}) });
    const packets = pending.reply.then((reply) => this.#read(reply));
    packets.catch(() => undefined);
    return { ...pending, packets };
  }

  /** Polls once and returns the packets; rejects for an answer other than 200. */
  poll(): Promise<string[]> {
    return this.beginPoll().packets;
  }

  /** Returns one packet, after as many polls as needed. */
  async next(): Promise<string> {
    while (this.#unread.length === 0) this.#unread.push(...(await this.poll()));
    return this.#unread.shift() as string;
  }

  /** Polls until a packet satisfies `wanted`. */
  async until(wanted: (packet: string) => boolean): Promise<string> {
    for (;;) {
      const packet = await this.next();
      if (wanted(packet)) return packet;
    }
  }

  /** Sends packets in one POST. */
  async post(...packets: (string | Buffer)[]): Promise<HttpReply> {
    const body = this.#options.revision === 3 ? joinPackets3(packets) : joinPackets(packets);
    for (const packet of packets) this.#note("post", `> ${packetText(packet)}`);
    return this.postBody(body);
  }

  /** Sends any body. */
  async postBody(
    body: string | Buffer | readonly (string | Buffer)[],
    headers: Record<string, string> = {},
  ): Promise<HttpReply> {
    const { port } = this.#options;
    const all = { "content-type": "text/plain;charset=UTF-8", ...this.#options.headers, ...headers };
    const reply = await call({ port, path: this.path, method: "POST", headers: all, body });
    this.#options.tracer?.reply(this.#lane("post"), reply);
    this.#note("post", `< ${reply.text}`);
    return reply;
  }

  #read(reply: HttpReply): string[] {
    this.#options.tracer?.reply(this.#lane("poll"), reply);
    if (reply.status !== 200) {
      this.#note("poll", `< ${reply.text}`);
      throw new Error(`poll answered ${reply.status} ${reply.text}`);
    }
    const packets = this.#split(reply).map(packetText);
    for (const packet of packets) this.#note("poll", `< ${packet}`);
    return packets;
  }

  #split(reply: HttpReply): (string | Buffer)[] {
    if (this.#options.revision !== 3) return splitPackets(reply.text);
    return reply.headers["content-type"] === "application/octet-stream"
      ? splitBinaryPackets3(reply.body)
      : splitPackets3(reply.text);
  }

  #lane(part: string): string {
    return `${this.#options.name ?? "polling"}.${part}`;
  }

  #note(part: string, line: string): void {
    this.#options.tracer?.write(this.#lane(part), line);
  }
}

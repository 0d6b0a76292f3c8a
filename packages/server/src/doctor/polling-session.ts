import { decodePayloadV4, type EnginePacket } from "@portage/parser/engine";
import type { Context, ServerHandshake } from "./context.ts";
import { type RequestOptions, type Reply, sendRequest } from "./request.ts";

/** Decodes the packets of a response; undefined if it is not a payload. */
export function packetsOf(reply: Reply): readonly EnginePacket[] | undefined {
  if (reply.status !== 200 || reply.failure !== undefined) return undefined;
  try {
    return decodePayloadV4(reply.text, 10_000);
  } catch {
    return undefined;
  }
}

/** Parses the handshake in a response; undefined if it has none. */
export function handshakeOf(reply: Reply): ServerHandshake | undefined {
  const open = packetsOf(reply)?.[0];
  return open?.type === "open" ? parseHandshake(open.data) : undefined;
}

/** Parses the data of an open packet; undefined if it is malformed. */
export function parseHandshake(data: unknown): ServerHandshake | undefined {
  try {
    const { sid, upgrades, pingInterval, maxPayload = 1e6 } = JSON.parse(String(data)) as Partial<ServerHandshake>;
    if (typeof sid !== "string" || !Array.isArray(upgrades)) return undefined;
    return { sid, upgrades: upgrades as string[], pingInterval: Number(pingInterval), maxPayload };
  } catch {
    return undefined;
  }
}

/** A session over polling. Each request uses its own connection, the harder case for balancers. */
export class PollingSession {
  readonly handshake: ServerHandshake;
  readonly #context: Context;

  private constructor(context: Context, handshake: ServerHandshake) {
    this.#context = context;
    this.handshake = handshake;
  }

  /** Opens a session. Resolves with the response instead if the handshake fails. */
  static async open(context: Context): Promise<PollingSession | Reply> {
    const reply = await sendRequest(context, { url: context.target({ transport: "polling" }) });
    return PollingSession.from(context, reply) ?? reply;
  }

  /** Returns the session that a response has opened; undefined if it has not. */
  static from(context: Context, reply: Reply): PollingSession | undefined {
    const handshake = handshakeOf(reply);
    return handshake && new PollingSession(context, handshake);
  }

  get url(): URL {
    return this.#context.target({ transport: "polling", sid: this.handshake.sid });
  }

  poll(timeout?: number): Promise<Reply> {
    return sendRequest(this.#context, { url: this.url, ...(timeout !== undefined && { timeout }) });
  }

  post(body: string, more: Partial<RequestOptions> = {}): Promise<Reply> {
    const headers = { "Content-Type": "text/plain;charset=UTF-8", ...more.headers };
    return sendRequest(this.#context, { url: this.url, method: "POST", body, ...more, headers });
  }

  /** Ends the session, which also ends a pending poll. */
  close(): Promise<Reply> {
    return this.post("1");
  }
}

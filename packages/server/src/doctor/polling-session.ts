import { decodePayloadV4, type EnginePacket } from "@portage/parser/engine";
import type { Context, Handshake } from "./context.ts";
import { type Call, type Reply, send } from "./request.ts";

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
export function handshakeOf(reply: Reply): Handshake | undefined {
  const open = packetsOf(reply)?.[0];
  return open?.type === "open" ? parseHandshake(open.data) : undefined;
}

/** Parses the data of an open packet; undefined if it is malformed. */
export function parseHandshake(data: unknown): Handshake | undefined {
  try {
    const { sid, upgrades, pingInterval, maxPayload = 1e6 } = JSON.parse(String(data)) as Partial<Handshake>;
    if (typeof sid !== "string" || !Array.isArray(upgrades)) return undefined;
    return { sid, upgrades: upgrades as string[], pingInterval: Number(pingInterval), maxPayload };
  } catch {
    return undefined;
  }
}

/** A session over polling. Each request uses its own connection, the harder case for balancers. */
export class PollingSession {
  readonly handshake: Handshake;
  readonly #context: Context;

  private constructor(context: Context, handshake: Handshake) {
    this.#context = context;
    this.handshake = handshake;
  }

  /** Opens a session. Resolves with the response instead if the handshake fails. */
  static async open(context: Context): Promise<PollingSession | Reply> {
    const reply = await send(context, { url: context.target({ transport: "polling" }) });
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
    return send(this.#context, { url: this.url, ...(timeout !== undefined && { timeout }) });
  }

  post(body: string, more: Partial<Call> = {}): Promise<Reply> {
    const headers = { "Content-Type": "text/plain;charset=UTF-8", ...more.headers };
    return send(this.#context, { url: this.url, method: "POST", body, ...more, headers });
  }

  /** Ends the session, which also ends a pending poll. */
  close(): Promise<Reply> {
    return this.post("1");
  }
}

/*
 * The sessions of the simulation, and the ends that it allows.
 *
 * A session may end for its own reasons, and when a fault has touched it: its excuses. Everything else is a finding.
 */
import type { Socket as Session } from "@portage/server/engine";
import type { SimClient } from "./sim-client.ts";
import type { SimNode } from "./sim-node.ts";

/**
 * How a fault has touched a session:
 * - `owner`: its node has crashed, or leaves
 * - `get`, `post`, `tunnel`: a poll, a POST or a WebSocket was under way through a node or a link that broke
 * - `leaving`: its WebSocket goes through a node that leaves
 * - `apart`: a request came to a node without a link to its owner
 * - `stranger`: a request came to a node that had not heard of its owner: it was frozen when the owner started
 * - `starting`: a request came to a node that has not joined
 */
export type Excuse = "owner" | "get" | "post" | "tunnel" | "leaving" | "apart" | "stranger" | "starting";

/** The excuses with which a session may end while its client is there, by the code of the end. */
const SERVER_ENDS: Readonly<Record<string, readonly Excuse[]>> = {
  POLL_LOST: ["get"],
  SERVER_DRAINING: ["owner", "leaving"],
  SERVER_CLOSED: ["owner"],
  CONNECTION_CLOSED: ["tunnel"],
  CONNECTION_FAILED: ["tunnel"],
};

/** The excuses with which a client may give up, by its last sight. */
const CLIENT_ENDS: readonly (readonly [seen: RegExp, excuses: readonly Excuse[]])[] = [
  [/^(GET|POST) was refused 503 .*can't be reached/, ["apart", "get", "post", "owner"]],
  [/^(GET|POST) was refused 503 .*is starting/, ["starting"]],
  [/^(GET|POST) was refused 400 .*was lost/, ["owner"]],
  [/^(GET|POST) was refused 400 .*Session ID unknown/, ["owner", "stranger"]],
  [/^close packet/, ["owner", "leaving"]],
  [/^the connection of a GET broke/, ["get", "owner"]],
  [/^the connection of a POST broke/, ["post", "owner"]],
  [/^the WebSocket broke/, ["tunnel", "leaving", "owner"]],
];

/** Numbers that one side sends and the other receives. */
class Numbers {
  sent = 0;
  received = 0;

  /** Returns a fault. */
  take(number: unknown): string | undefined {
    if (number !== this.received) return `${String(number)} came in place of ${this.received}`;
    this.received += 1;
    return undefined;
  }
}

/** The last broadcast of a node at a client, and how often their link had changed when it was sent. */
interface Seen {
  readonly number: number;
  readonly changes: number;
}

/** One session. */
export class Life {
  readonly session: Session;
  readonly owner: SimNode;
  client: SimClient | undefined;
  readonly up = new Numbers();
  readonly down = new Numbers();
  readonly excuses = new Set<Excuse>();
  readonly seen = new Map<string, Seen>();
  /** The code with which the owner has ended it. */
  end: string | undefined;
  emit: ((event: string, ...args: unknown[]) => void) | undefined;

  constructor(session: Session, owner: SimNode) {
    this.session = session;
    this.owner = owner;
    if (owner.state === "draining") this.excuses.add("owner");
  }

  get name(): string {
    return `${this.client?.name ?? "a client"} at ${this.owner.name}`;
  }

  get isOpen(): boolean {
    return this.end === undefined && !this.owner.isDead;
  }

  #has(excuses: readonly Excuse[]): boolean {
    return excuses.some((excuse) => this.excuses.has(excuse));
  }

  /** The owner has ended the session. Returns a fault. */
  endedBy(code: string | undefined): string | undefined {
    this.end = code ?? "";
    if (code === undefined) return "ended without a code";
    // Without a client, the answer to the handshake was lost.
    if (this.client === undefined || this.client.end !== undefined) return undefined;
    const excuses = SERVER_ENDS[code];
    return excuses !== undefined && this.#has(excuses) ? undefined : `ended with ${code}${this.#story}`;
  }

  /** The client has ended. Returns a fault. */
  givenUp(): string | undefined {
    const { why, status, body } = this.client!.end!;
    // The end of the session was judged already.
    if (why === "vanished" || this.end !== undefined || this.owner.isDead) return undefined;
    const seen = status === undefined ? why : `${why} ${status} ${body}`;
    const isAllowed = CLIENT_ENDS.some(([pattern, excuses]) => pattern.test(seen) && this.#has(excuses));
    return isAllowed ? undefined : `the client gave up: ${seen}${this.#story}`;
  }

  get #story(): string {
    return `, with the excuses [${[...this.excuses].join()}]`;
  }

  /** Compares both sides at rest. Returns a fault. */
  checkAtRest(): string | undefined {
    const { client, up, down } = this;
    if (client === undefined || client.end !== undefined) return undefined;
    if (!this.isOpen) return `the client has not learnt that the session has ended (${this.end ?? "its node is gone"})`;
    if (up.sent !== up.received) return `${up.received} of ${up.sent} messages came in`;
    if (down.sent !== down.received) return `${down.received} of ${down.sent} messages came out`;
    for (const kind of client.visits.keys()) if (kind === "POST") return "a POST has no answer";
    return undefined;
  }
}

import { kPeekRequest, kUpgradeTrouble, type UpgradeFailure } from "../engine/index.ts";
import type { BoardCore, BoardPart } from "./part.ts";
import { eachSocket } from "./findings/census.ts";
import { ageOf, type BoardSession, type BoardSocket, networkOf } from "./sockets.ts";
import type { WhyPolling } from "./wire.ts";

/** Milliseconds within which a client may still be about to upgrade. */
const YOUNG = 10_000;
/** Sockets that are compared with the one in question. */
const MOST_COMPARED = 500;
/** Connections of a network or of a kind of client below which they prove nothing, and of all others. */
const LEAST_ALIKE = 3;
const LEAST_OTHERS = 5;
/** The share of others that have upgraded, from which on it is remarkable that none of these did. */
const OTHERS_UPGRADE = 0.5;

/** Connections that have something in common, and how many of them have left polling. */
export interface AlikeConnections {
  readonly connections: number;
  readonly upgraded: number;
}

/** Facts about a client on polling. */
export interface PollingFacts {
  /** The transport in use, and those that the server offers instead. */
  readonly transport: string;
  readonly offers: readonly string[];
  /** Milliseconds. */
  readonly age: number;
  /** The step of the last failed upgrade, and the name of the last refused request for a better transport. */
  readonly step: UpgradeFailure | undefined;
  readonly refusal: string | undefined;
  readonly network: string;
  /** Others of the same network, others with the same user agent, and all others that are old enough. */
  readonly ofNetwork: AlikeConnections;
  readonly ofAgent: AlikeConnections;
  readonly others: AlikeConnections;
}

/** A code of the list, with a sentence and advice. */
type WhyText = Omit<WhyPolling, "code">;

const DOCTOR = "Run `npx portage-doctor <url>` there: it tries each step of the way.";

/** Failed steps of an upgrade. */
const STEP_CAUSES: Readonly<Record<UpgradeFailure, WhyText & Pick<WhyPolling, "code">>> = {
  timeout: {
    code: "UPGRADE_TIMEOUT",
    sentence: "Its WebSocket connected, but the upgrade took longer than `upgradeTimeout`.",
    advice:
      "A proxy holds frames back, or the network is slow: let the proxy pass frames at once, or raise `upgradeTimeout`.",
  },
  lost: {
    code: "UPGRADE_LOST",
    sentence: "Its WebSocket connected, and the connection ended before the upgrade was complete.",
    advice: "A proxy or a scanner cuts WebSockets after the handshake: allow them there, or use TLS.",
  },
  stray: {
    code: "UPGRADE_STRAY",
    sentence: "Its WebSocket sent something else than the probe of an upgrade.",
    advice: "Look at the client: it does not follow the protocol. Socket.IO's own clients do.",
  },
  candidate: {
    code: "UPGRADE_TWICE",
    sentence: "It offered a second transport while an upgrade was in progress, and the second one was refused.",
    advice: "Look whether two clients use one session id, or whether a proxy repeats requests.",
  },
  sessionClosed: {
    code: "UPGRADE_ENDED",
    sentence: "The session ended during its upgrade.",
    advice: "Look at the reason of its end.",
  },
};

/** Refusals of a WebSocket handshake that arrives as a common request. */
const STRIPPED: ReadonlySet<string> = new Set(["TRANSPORT_MISMATCH", "TRANSPORT_HANDSHAKE_ERROR"]);

const percentOf = ({ connections, upgraded }: AlikeConnections): number =>
  Math.round((100 * upgraded) / Math.max(1, connections));

/** Whether none of these has upgraded, where most others have. */
function isBlockedGroup(peers: AlikeConnections, { connections, upgraded }: AlikeConnections): boolean {
  if (peers.connections < LEAST_ALIKE || peers.upgraded > 0) return false;
  return connections >= LEAST_OTHERS && upgraded >= OTHERS_UPGRADE * connections;
}

/** The list: the first entry that applies is the answer. */
const DECISIONS: ReadonlyArray<(facts: PollingFacts) => WhyPolling | false | undefined> = [
  ({ transport }) =>
    transport !== "polling" && {
      code: "NOT_ON_POLLING",
      sentence: `It is not on polling: it uses ${transport}.`,
      advice: "Nothing is to be done.",
    },
  ({ offers }) =>
    offers.length === 0 && {
      code: "SERVER_OFFERS_NONE",
      sentence: "The server offers it no better transport.",
      advice: "Set `allowUpgrades: true`, and add `websocket` to the option `transports`.",
    },
  ({ age }) =>
    age < YOUNG && {
      code: "TOO_YOUNG",
      sentence: `It connected ${Math.round(age / 1000)} seconds ago, and may still be about to upgrade.`,
      advice: "Ask again in ten seconds.",
    },
  ({ step, refusal }) => (step !== undefined && refusal === undefined ? STEP_CAUSES[step] : undefined),
  ({ refusal }) =>
    refusal !== undefined &&
    !STRIPPED.has(refusal) && {
      code: "UPGRADE_REFUSED",
      sentence: `Its WebSocket handshake was refused: ${refusal}.`,
      advice: "Look up this name in docs/errors.md; `connection_error` has the request.",
    },
  ({ refusal }) =>
    refusal !== undefined && {
      code: "UPGRADE_STRIPPED",
      sentence: "Its WebSocket handshake arrived as a common request, without the header `Upgrade`.",
      advice:
        "Let the proxy forward `Upgrade` and `Connection`, in nginx by `proxy_set_header` and `proxy_http_version 1.1`.",
    },
  ({ network, ofNetwork, others }) =>
    isBlockedGroup(ofNetwork, others) && {
      code: "NETWORK_BLOCKS",
      sentence: `None of ${ofNetwork.connections} clients of its network ${network} upgraded, where ${percentOf(others)} % elsewhere do.`,
      advice: `A firewall or a scanner of that network blocks WebSockets; TLS often helps. ${DOCTOR}`,
    },
  ({ ofAgent, others }) =>
    isBlockedGroup(ofAgent, others) && {
      code: "CLIENT_DOES_NOT_TRY",
      sentence: `None of ${ofAgent.connections} clients with its user agent upgraded, where ${percentOf(others)} % of the others do.`,
      advice: "Look at the options of this client: `transports` and `upgrade`.",
    },
];

const NEVER_TRIED: WhyPolling = {
  code: "NEVER_TRIED",
  sentence: "It has not tried to upgrade, as far as this server can see.",
  advice: `Its options may say so, or its WebSockets end before they get here. ${DOCTOR}`,
};

/** Returns why a client is on polling: the first entry of the list that applies. */
export function decideWhy(facts: PollingFacts): WhyPolling {
  for (const decide of DECISIONS) {
    const why = decide(facts);
    if (why) return { code: why.code, sentence: why.sentence, advice: why.advice };
  }
  return NEVER_TRIED;
}

const agentOf = (session: BoardSession): string =>
  // Sessions of another engine have no such method.
  (session[kPeekRequest] as (typeof session)[typeof kPeekRequest] | undefined)?.call(session)?.headers?.[
    "user-agent"
  ] ?? "";

/** Counts connections by what they have in common with one. */
class Comparison {
  readonly #session: BoardSession;
  readonly #network: string;
  readonly #agent: string;
  readonly ofNetwork = { connections: 0, upgraded: 0 };
  readonly ofAgent = { connections: 0, upgraded: 0 };
  readonly others = { connections: 0, upgraded: 0 };

  constructor(session: BoardSession) {
    this.#session = session;
    this.#network = networkOf(session.remoteAddress);
    this.#agent = agentOf(session);
  }

  add(other: BoardSession, now: number): void {
    if (other !== this.#session && ageOf(other, now) < YOUNG) return;
    const upgraded = other.transport.name === "polling" ? 0 : 1;
    const isOfNetwork = networkOf(other.remoteAddress) === this.#network;
    const isOfAgent = this.#agent !== "" && agentOf(other) === this.#agent;
    const groups = [
      isOfNetwork && this.ofNetwork,
      isOfAgent && this.ofAgent,
      !isOfNetwork && !isOfAgent && this.others,
    ];
    for (const group of groups) {
      if (!group) continue;
      group.connections += 1;
      group.upgraded += upgraded;
    }
  }
}

/** Returns why the client of a socket is on polling. Compares it with at most 500 other sockets. */
export function whyPolling(core: BoardCore, { conn: session }: BoardSocket): WhyPolling {
  const { io, clock } = core;
  const now = clock.now();
  const comparison = new Comparison(session);
  let compared = 0;
  for (const { conn } of eachSocket(io)) {
    comparison.add(conn, now);
    if (++compared >= MOST_COMPARED) break;
  }
  const { step, refusal } = session[kUpgradeTrouble] ?? {};
  const { ofNetwork, ofAgent, others } = comparison;
  return decideWhy({
    transport: session.transport.name,
    offers: session.server.upgrades(session.transport.name),
    age: ageOf(session, now),
    step,
    refusal,
    network: networkOf(session.remoteAddress),
    ofNetwork,
    ofAgent,
    others,
  });
}

/** Answers why a connection is on polling. */
export function createWhyPolling(core: BoardCore): BoardPart {
  const find = (sid: string | undefined): BoardSocket | undefined => {
    if (sid === undefined) return undefined;
    for (const socket of eachSocket(core.io)) if (socket.conn.id === sid) return socket;
    return undefined;
  };
  return {
    answers: {
      why(handle) {
        const socket = find(core.handles.idOf(handle));
        return socket === undefined ? { error: "UNKNOWN" } : whyPolling(core, socket);
      },
    },
  };
}

/*
 * The metrics of a server with the option `cluster`: other nodes, the links to them, and forwarded requests.
 */
import type { ClusterReport, LinkReport } from "./cluster-report.ts";
import { by, counter, gauge, type MetricRow, one } from "./metric-row.ts";

const LINK_ENDS = ["gone", "silent", "cut", "failed", "left"];
const LINK_REFUSAL_CODES = ["LINK_VERSION", "LINK_SECRET", "LINK_MALFORMED"];
const FORWARD_REFUSALS = ["SERVER_STARTING", "OWNER_LOST", "OWNER_UNREACHABLE", "FORWARD_OVERLOADED"];

type Samples = ReturnType<MetricRow["read"]>;

/** Reads the report of the cluster, if there is one. */
const ofNodes =
  (read: (nodes: ClusterReport) => Samples): MetricRow["read"] =>
  ({ nodes }) =>
    nodes === undefined ? [] : read(nodes);

/** Samples of the open links, by the tag of the node. */
const byLink = (links: ClusterReport["links"], read: (link: LinkReport) => number | undefined): Samples =>
  Object.entries(links).flatMap(([tag, link]) => {
    const value = read(link);
    return value === undefined ? [] : [{ labels: [tag], value }];
  });

const readFrames = ({ links }: ClusterReport): Samples =>
  Object.entries(links).flatMap(([tag, { framesIn, framesOut }]) => [
    { labels: [tag, "in"], value: framesIn },
    { labels: [tag, "out"], value: framesOut },
  ]);

const CLUSTER = { option: "cluster" } as const;

const LINKS: readonly MetricRow[] = [
  gauge(
    "nodes",
    "Other nodes of the cluster, by state.",
    { labels: ["state"], of: "node", ...CLUSTER },
    ofNodes(({ states }) => by(states)),
  ),
  gauge(
    "link_queued_bytes",
    "Bytes queued for a node.",
    { labels: ["node"], unit: "bytes", ...CLUSTER },
    ofNodes(({ links }) => byLink(links, ({ queuedBytes }) => queuedBytes)),
  ),
  gauge(
    "link_round_trip_seconds",
    "Duration of the last ping of a node.",
    { labels: ["node"], unit: "seconds", ...CLUSTER },
    ofNodes(({ links }) => byLink(links, ({ roundTrip }) => roundTrip && roundTrip / 1000)),
  ),
  counter(
    "link_frames",
    "Frames of the open link of a node.",
    { labels: ["node", "direction"], of: "frame", ...CLUSTER },
    ofNodes(readFrames),
  ),
  counter(
    "links_ended",
    "Links ended, by reason.",
    { labels: ["reason"], of: "link", ...CLUSTER },
    ofNodes(({ ends }) => by(ends, LINK_ENDS)),
  ),
  counter(
    "links_refused",
    "Links refused, by code.",
    { labels: ["code"], of: "link", ...CLUSTER },
    ofNodes(({ refused }) => by(refused, LINK_REFUSAL_CODES)),
  ),
];

const EXCHANGES: readonly MetricRow[] = [
  counter(
    "exchanges",
    "Requests forwarded between nodes.",
    { labels: ["role"], of: "request", ...CLUSTER },
    ofNodes(({ exchanges: { forwarded, received } }) => by({ forwarded, received })),
  ),
  gauge(
    "exchanges_pending",
    "Requests between nodes without an answer.",
    { labels: ["role"], of: "request", ...CLUSTER },
    ofNodes(({ exchanges: { pending, owned, waiting } }) => by({ forwarded: pending, received: owned, waiting })),
  ),
  gauge(
    "tunnels",
    "WebSockets carried between nodes.",
    { of: "connection", ...CLUSTER },
    ofNodes(({ exchanges }) => one(exchanges.tunnels)),
  ),
  counter(
    "exchanges_unknown",
    "Requests with the tag of no node, or for a session that its node does not know.",
    { labels: ["what"], of: "request", ...CLUSTER },
    ofNodes(({ exchanges: { unknownTags, unknownSids } }) => by({ node: unknownTags, session: unknownSids })),
  ),
  counter(
    "exchanges_repeated",
    "Polls repeated after the end of their first front.",
    { of: "request", ...CLUSTER },
    ofNodes(({ exchanges }) => one(exchanges.repeated)),
  ),
  counter(
    "exchanges_refused",
    "Requests not forwarded, by name.",
    { labels: ["name"], of: "request", ...CLUSTER },
    ofNodes(({ exchanges }) => by(exchanges.refused, FORWARD_REFUSALS)),
  ),
];

/** The metrics of a cluster. */
export const CLUSTER_METRICS: readonly MetricRow[] = [...LINKS, ...EXCHANGES];

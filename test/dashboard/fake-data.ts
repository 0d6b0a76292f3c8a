import type {
  ConnectionRow,
  ConnectionStory,
  EndedRow,
  EventsView,
  Finding,
  Hello,
  NodeRow,
  OverviewView,
  ProblemRow,
  RoomsView,
  Series,
  Tick,
} from "../../packages/server/src/dashboard/wire.ts";

/** Made-up figures: the same for the same second, so that pictures and tests repeat. */
const STARTED = Date.now() - 93_784_000;

const SERIES: readonly Series[] = [
  { name: "connections", label: "Connections", unit: "count" },
  { name: "polling", label: "Connections on polling", unit: "count" },
  { name: "opens", label: "Connections opened", unit: "rate" },
  { name: "ends", label: "Connections ended", unit: "rate" },
  { name: "events.in", label: "Packets received", unit: "rate" },
  { name: "events.out", label: "Packets sent", unit: "rate" },
  { name: "bytes.in", label: "Bytes received", unit: "byteRate" },
  { name: "bytes.out", label: "Bytes sent", unit: "byteRate" },
  { name: "waiting", label: "Bytes that wait for clients", unit: "bytes" },
  { name: "loop.p50", label: "Delay of the event loop, median", unit: "ms" },
  { name: "loop.p99", label: "Delay of the event loop, p99", unit: "ms" },
  { name: "loop.busy", label: "Share of time that the event loop is busy", unit: "share" },
  { name: "heap", label: "Heap used", unit: "bytes" },
  { name: "gc", label: "Share of time in garbage collection", unit: "share" },
  { name: "rtt.p50", label: "Round trip, median", unit: "ms" },
  { name: "rtt.p99", label: "Round trip, p99", unit: "ms" },
];

/** Level and swing of each series. */
const SWING: Record<string, readonly [level: number, swing: number]> = {
  connections: [12_480, 900],
  polling: [640, 60],
  opens: [42, 18],
  ends: [40, 18],
  "events.in": [3_420, 700],
  "events.out": [81_300, 9_000],
  "bytes.in": [412_000, 80_000],
  "bytes.out": [9_800_000, 1_400_000],
  waiting: [380_000, 340_000],
  "loop.p50": [1.2, 0.5],
  "loop.p99": [8.4, 6],
  "loop.busy": [0.42, 0.12],
  heap: [214e6, 40e6],
  gc: [0.021, 0.015],
  "rtt.p50": [24, 6],
  "rtt.p99": [180, 70],
  "games running": [312, 20],
};

const wave = (at: number, seed: number): number =>
  (Math.sin(at / 47 + seed) + Math.sin(at / 13 + seed * 3) / 2 + Math.sin(at / 3.1 + seed * 7) / 4) / 1.75;

export function valueOf(name: string, second: number): number {
  const [level, swing] = SWING[name] ?? [1, 0];
  return Math.max(0, level + swing * wave(second, name.length + name.charCodeAt(0)));
}

const NAMES = [...SERIES.map(({ name }) => name), "games running"];

export const tickAt = (now: number): Tick => [now, ...NAMES.map((name) => valueOf(name, now / 1000))];

export const hello = (rights: Pick<Hello, "role" | "payloads">): Hello => ({
  version: "4.8.0",
  node: process.version,
  started: STARTED,
  now: Date.now(),
  path: "/socket.io",
  ...rights,
  series: SERIES,
  gauges: ["games running"],
  limits: [],
  features: ["cluster", "label", "actions", "taps"],
});

export const FINDINGS: readonly Finding[] = [
  {
    code: "HOT_ROOM",
    subject: "lobby",
    level: "problem",
    sentence: "The room “lobby” takes 81% of all deliveries: 65,900 of 81,300 a second.",
    advice: "Split the room, or send to it less often: conflate events that replace each other.",
    since: Date.now() - 134_000,
    link: "#/rooms?nsp=%2F&room=lobby",
  },
  {
    code: "GROWS",
    subject: "rooms per connection",
    level: "problem",
    sentence: "Rooms for each connection grow by 4 a minute while the number of connections stays.",
    advice: "Leave rooms that a socket no longer needs: socket.leave(room).",
    since: Date.now() - 71_000,
    link: "#/connections?order=rooms",
    // oxlint-disable unicorn/no-thenable -- figures of a finding are a then and a now, which are not functions
    figures: [
      { label: "Rooms a connection", then: 3.1, now: 7.4, unit: "count" },
      { label: "Heap", then: 190e6, now: 241e6, unit: "bytes" },
    ],
    // oxlint-enable unicorn/no-thenable
  },
  {
    code: "SLOW_CLIENTS",
    subject: "visitor 3",
    level: "warning",
    sentence: "12 clients read slower than they are written to; “visitor 3” is the slowest, with 1.2 MB queued.",
    advice: "Set slowReader to a policy that drops what is out of date.",
    since: Date.now() - 20_000,
    link: "#/connections?slow=yes",
  },
];

const handleOf = (index: number): string => ((index + 1) * 2_654_435_761).toString(36).padStart(9, "0").slice(-9);

export function connectionRow(index: number): ConnectionRow {
  const polling = index % 17 === 3;
  const slow = index % 31 === 3;
  return {
    handle: handleOf(index),
    label: `visitor ${index}`,
    state: index % 97 === 5 ? "closing" : "open",
    transport: polling ? "polling" : "websocket",
    stuck: polling && index % 2 === 1,
    revision: index % 53 === 7 ? 3 : 4,
    address: `192.0.${index % 250}.0/24`,
    age: 4_000 + ((index * 7_919) % 90_000) * 1000,
    rtt: index % 41 === 2 ? null : 8 + ((index * 37) % 160),
    queued: slow ? 1_200_000 - index * 3 : 0,
    slowSince: slow ? Date.now() - 42_000 : null,
    dropped: slow ? 312 : 0,
    sockets: 1,
    rooms: 1 + (index % 9),
    in: index % 5 === 0 ? 0 : (index % 23) / 2,
    out: (index % 47) * 1.5,
  };
}

export const story = (index: number): ConnectionStory => {
  const row = connectionRow(index);
  const now = Date.now();
  return {
    row,
    ended: null,
    timeline: [
      { at: now - 120_000, kind: "open", text: "over polling, revision 4" },
      { at: now - 119_000, kind: "upgrade", text: "the client sent its probe" },
      { at: now - 118_400, kind: "upgrade", text: "given up: the probe was lost", code: "UPGRADE_LOST" },
      { at: now - 118_000, kind: "join", text: "/" },
      { at: now - 42_000, kind: "slow", text: "1.2 MB queued" },
    ],
    handshake: [
      ["host", "chat.example.org"],
      [
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
      ],
      ["cookie", "(left out)"],
      ["EIO", "4"],
    ],
    sockets: [
      { namespace: "/", handle: handleOf(index + 7), rooms: ["lobby", "game 12"], pendingAcks: 2, recovered: true },
    ],
    why: row.stuck
      ? {
          code: "UPGRADE_STRIPPED",
          sentence: "The WebSocket handshake arrived as a common request: a proxy took the Upgrade header away.",
          advice: "nginx: set proxy_http_version 1.1 and the headers Upgrade and Connection.",
        }
      : null,
  };
};

const endedRow = (index: number): EndedRow => ({
  at: Date.now() - index * 7_000,
  handle: handleOf(index + 500_000),
  label: `visitor ${index + 500}`,
  transport: index % 5 === 0 ? "polling" : "websocket",
  age: 5_000 + index * 91_000,
  code: index % 3 === 0 ? "PING_TIMEOUT" : "CLIENT_CLOSED",
  sentence: index % 3 === 0 ? "The client did not answer a heartbeat in time." : "The client closed the connection.",
  advice: index % 3 === 0 ? "Look for a network that drops idle connections, or raise pingTimeout." : "",
  ...(index % 3 === 0 && { limit: 20_000, actual: 20_004, heartbeatAge: 45_120, loopLag: 3 }),
});

export const ENDED: readonly EndedRow[] = Array.from({ length: 400 }, (_, index) => endedRow(index));

export const OVERVIEW: OverviewView = {
  ends: [
    {
      code: "CLIENT_CLOSED",
      sentence: "The client closed the connection.",
      advice: "",
      abnormal: false,
      total: 182_334,
      recent: 11_870,
    },
    {
      code: "PING_TIMEOUT",
      sentence: "The client did not answer a heartbeat in time.",
      advice: "Look for a network that drops idle connections, or raise pingTimeout.",
      abnormal: true,
      total: 912,
      recent: 31,
    },
  ],
  limits: [
    { name: "maxConnections", unit: "count", value: 15_000, used: 12_480 },
    { name: "maxHttpBufferSize", unit: "bytes", value: 1_000_000 },
    { name: "slowReader.process", unit: "bytes", value: 256e6, used: 380_000 },
  ],
};

export const problems = (): readonly ProblemRow[] => {
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  return [
    {
      minute,
      kind: "refusal",
      code: "ORIGIN_NOT_ALLOWED",
      count: 14,
      sentence: "The origin of the page is not on the list.",
      advice: "Add the origin to cors.origin if the page is yours.",
      subjects: ["https://evil.example", "https://staging.example.org"],
    },
    {
      minute: minute - 60_000,
      kind: "handler",
      code: "HANDLER_ERROR",
      count: 3,
      sentence: "A listener of “move” threw: Cannot read properties of undefined (reading 'board').",
      advice: "Catch what a listener may throw, and answer with an error.",
      subjects: ["visitor 12"],
    },
  ];
};

export const ROOMS: RoomsView = {
  namespaces: [
    { name: "/", sockets: 12_480, rooms: 430 },
    { name: "/admin", sockets: 4, rooms: 2 },
  ],
  byMembers: ["lobby", "game 12", "game 7", "spectators of a very long game that goes on and on"].map(
    (room, index) => ({
      namespace: "/",
      room,
      members: Math.round(9_000 / (index * 8 + 1)),
      deliveries: 66_000 / (index * index * 9 + 1),
      share: 0.81 / (index * index * 9 + 1),
    }),
  ),
  byDeliveries: [{ namespace: "/", room: "lobby", members: 9_000, deliveries: 66_000, share: 0.81 }],
};

const sizes = { p50: 64, p95: 210, p99: 1_840 };
export const EVENTS: EventsView = {
  stride: 42,
  events: [
    {
      direction: "in",
      namespace: "/",
      name: "move",
      rate: 2_910,
      share: 0.85,
      byteRate: 310_000,
      sizes,
      handler: { p50: 0.1, p95: 0.4, p99: 12.5 },
      ack: { p50: 0.3, p95: 2, p99: 31 },
      receivers: null,
      failures: 3,
    },
    {
      direction: "in",
      namespace: "/admin",
      name: "chat message",
      rate: 412,
      share: 0.12,
      byteRate: 62_000,
      sizes,
      handler: { p50: 0.2, p95: 0.6, p99: 2 },
      ack: null,
      receivers: null,
      failures: 0,
    },
    {
      direction: "out",
      namespace: "/",
      name: "board",
      rate: 81_300,
      share: 0.97,
      byteRate: 9_700_000,
      sizes,
      handler: null,
      ack: null,
      receivers: { p50: 12, p95: 9_000, p99: 9_000 },
      failures: 0,
    },
  ],
};

export const nodes = (): readonly NodeRow[] =>
  (["up", "draining", "silent"] as const).map((state, index) => ({
    tag: `node-${index + 1}`,
    state,
    self: index === 0,
    version: "4.8.0",
    age: 93_784_000 - index * 4_000_000,
    connections: 12_480 - index * 1_800,
    loopLag: 2.4 * (index + 1),
    heap: 214e6,
    heard: Date.now() - index * 9_000,
  }));

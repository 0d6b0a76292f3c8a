import type { ClientName } from "./clients.ts";
import type { Outcome } from "./run.ts";
import { type Wall, WALLS, type WallName } from "./walls.ts";

/** What must hold of an outcome. Counts are at most; times are milliseconds at most. */
export interface Bounds {
  readonly connected: number | "never";
  readonly disconnects: number;
  readonly lost: number;
  readonly unsettled: number;
  readonly gap: number;
  /** Doubled and reordered messages; never more than none. */
  readonly disordered: 0;
}

/** Times leave room for a busy machine: the table has the real ones. */
const GOOD: Bounds = { connected: 4000, disconnects: 0, lost: 0, unsettled: 0, gap: 3000, disordered: 0 };

/** Cells with other bounds. */
interface Exception {
  readonly walls: readonly WallName[];
  readonly clients: readonly ClientName[];
  readonly because: string;
  readonly bounds: Partial<Bounds>;
}

const OURS = ["default", "race", "websocket", "polling", "streamed"] as const satisfies readonly ClientName[];
const ANY: Bounds = {
  connected: Infinity,
  disconnects: Infinity,
  lost: Infinity,
  unsettled: Infinity,
  gap: Infinity,
  disordered: 0,
};

/** Where several match, the last one counts. */
const EXCEPTIONS: readonly Exception[] = [
  {
    walls: ["strips", "forbids", "resets", "hangs", "deaf", "downstream", "mangles", "cutsHttp"],
    clients: ["websocket"],
    because: "it has nothing but WebSocket, and says what stopped it",
    bounds: { connected: "never" },
  },
  {
    walls: ["uploads"],
    clients: ["default", "polling", "streamed"],
    because: "CONNECT is a POST as long as the session is on polling, and the client says what stopped it",
    bounds: { connected: "never" },
  },
  { walls: ["portal"], clients: OURS, because: "the portal stands for 2 s", bounds: { connected: 8000 } },
  {
    walls: ["downstream"],
    clients: ["race"],
    because: "silence is noticed after 3 + 2 s, then polling wins",
    bounds: { connected: 7500 },
  },
  {
    walls: ["falls", "oneWay", "large"],
    clients: ["default", "race", "websocket"],
    because: "silence is noticed after 3 + 2 s, and nothing that was sent into it is lost",
    bounds: { gap: 7000 },
  },
  {
    walls: Object.keys(WALLS) as WallName[],
    clients: ["reference"],
    because: "measured beside, no promise of ours",
    bounds: ANY,
  },
];

export interface Cell {
  readonly wall: WallName;
  readonly client: ClientName;
  readonly because: string;
  readonly bounds: Bounds;
}

export function cellOf(wall: WallName, client: ClientName): Cell {
  const exception = EXCEPTIONS.filter(({ walls, clients }) => walls.includes(wall) && clients.includes(client)).at(-1);
  const { because = "a client of ours gets through, and loses nothing", bounds } = exception ?? {};
  return { wall, client, because, bounds: { ...GOOD, ...bounds } };
}

/** Whether a client meets this wall where its diagnosis can say so. */
function mustBeNamed({ wall, client }: Cell): RegExp | undefined {
  if (client === "reference") return undefined;
  const { named, over = "WebSocket" }: Wall = WALLS[wall];
  return (client === "polling" || client === "streamed") && over === "WebSocket" ? undefined : named;
}

/** Whether the wall is named in what the client says; undefined where it need not be. */
export function isNamed(cell: Cell, { said }: Outcome): boolean | undefined {
  const wanted = mustBeNamed(cell);
  return wanted && said.some((line) => wanted.test(line));
}

/** What does not hold, in words. */
export function breaches(cell: Cell, outcome: Outcome): string[] {
  const { bounds } = cell;
  const found: string[] = [];
  if (bounds.connected === "never") {
    if (outcome.connected !== undefined) found.push("connected");
    if (outcome.errors === 0) found.push("reported no failure");
  } else if ((outcome.connected ?? Infinity) > bounds.connected) {
    found.push(`connected in ${outcome.connected} ms`);
  }
  for (const key of ["disconnects", "lost", "unsettled", "gap"] as const) {
    if (outcome[key] > bounds[key]) found.push(`${key}: ${Math.round(outcome[key])} > ${bounds[key]}`);
  }
  const { doubled, reordered } = outcome;
  if (doubled + reordered > bounds.disordered) found.push(`${doubled} doubled, ${reordered} reordered`);
  if (isNamed(cell, outcome) === false) found.push("the diagnosis does not name the wall");
  return found;
}

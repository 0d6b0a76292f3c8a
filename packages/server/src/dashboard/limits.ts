import { kLimits } from "../socketio/keys.ts";
import { SLOW_READER_DEFAULTS } from "../engine/index.ts";
import { currentReport } from "./meters.ts";
import type { BoardCore } from "./part.ts";
import type { LimitInForce, Unit } from "./wire.ts";

type BoardReport = NonNullable<ReturnType<typeof currentReport>>;

/** Limits of the engine by name, with a function for the used part, if it is counted. */
const ENGINE_LIMITS: Readonly<Record<string, ((report: BoardReport) => number) | undefined>> = {
  maxConnections: ({ sessions }) => sessions.open,
  maxConnectionsPerAddress: undefined,
  maxConnectionsPerUser: undefined,
  maxHandshakesPerSecond: undefined,
  maxHttpBufferSize: undefined,
  maxPayloadPackets: undefined,
  maxReceivingBytes: ({ bytes }) => bytes.receiving,
};

const SOCKET_LIMITS = ["maxNamespaces", "maxDynamicNamespaces", "maxRooms", "maxPendingAcks"] as const;
const SLOW_READER_LIMITS = ["soft", "hard", "process"] as const;

/** Units of limits; the others count. */
const UNITS: Readonly<Record<string, Unit>> = {
  maxHandshakesPerSecond: "rate",
  maxHttpBufferSize: "bytes",
  maxReceivingBytes: "bytes",
  "slowReader.soft": "bytes",
  "slowReader.hard": "bytes",
  "slowReader.process": "bytes",
  maxEventsPerSecond: "rate",
};

/** Returns the limits that are set, with defaults. */
export function limitsInForce(core: BoardCore): LimitInForce[] {
  const { io } = core;
  const report = currentReport(core);
  if (report === undefined) return [];
  const limits: LimitInForce[] = [];
  const add = (name: string, value: unknown, used?: number): void => {
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    limits.push({ name, value, unit: UNITS[name] ?? "count", ...(used !== undefined && { used }) });
  };
  const { opts } = io.engine;
  for (const [name, used] of Object.entries(ENGINE_LIMITS)) add(name, Reflect.get(opts, name), used?.(report));
  const slowReader = { ...SLOW_READER_DEFAULTS, ...opts.slowReader };
  for (const name of SLOW_READER_LIMITS) {
    add(`slowReader.${name}`, slowReader[name], name === "process" ? report.bytes.waiting : undefined);
  }
  for (const name of SOCKET_LIMITS) add(name, io[kLimits][name]);
  const { maxEventsPerSecond } = io[kLimits];
  add("maxEventsPerSecond", maxEventsPerSecond?.rate);
  return limits;
}

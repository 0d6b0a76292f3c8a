import { adviceFor } from "../socketio/report/advice.ts";
import type { BoardCore } from "./part.ts";
import type { EndRecord } from "./records.ts";
import type { EndedRow } from "./wire.ts";

/** Returns the row of an ended session. */
export function endedRow({ at, sid, label, transport, age, reason }: EndRecord, core: BoardCore): EndedRow {
  const { code, limit, actual, heartbeatAge, loopLag } = reason;
  return {
    at,
    handle: core.handles.of(sid),
    label,
    transport,
    age,
    code,
    ...adviceFor("end", code),
    ...(limit !== undefined && { limit }),
    ...(actual !== undefined && { actual }),
    ...(heartbeatAge !== undefined && { heartbeatAge }),
    ...(loopLag !== undefined && { loopLag }),
  };
}

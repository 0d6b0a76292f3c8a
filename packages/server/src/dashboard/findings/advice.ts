import type { Finding } from "../wire.ts";
import type { FindingCode } from "./snapshot.ts";

/** How bad each finding is, and what to do about it. */
export const FINDINGS: Readonly<Record<FindingCode, Readonly<Pick<Finding, "level" | "advice">>>> = {
  LOOP_LATE: {
    level: "problem",
    advice: "Move long work out of listeners, to a worker thread or in slices; a CPU profile shows the function.",
  },
  SLOW_CLIENTS: {
    level: "problem",
    advice: "Send these clients less: `volatile`, `conflate()`, or another `slowReader.policy`; look at their network.",
  },
  HOT_ROOM: {
    level: "warning",
    advice: "Send to this room less often, with `conflate()` if only the newest value counts, or split it.",
  },
  HOT_CLIENT: {
    level: "warning",
    advice: "Look at the packets of this client; `maxEventsPerSecond` limits it, and you can disconnect it.",
  },
  HOT_EVENT: {
    level: "problem",
    advice: "Make the listener of this event faster, or move its work to a worker thread.",
  },
  GROWS: {
    level: "problem",
    advice: "Look for things that each event or connection adds and never removes; a heap snapshot shows them.",
  },
  STUCK_ON_POLLING: {
    level: "warning",
    advice: "Open one of these connections and read why it polls; `npx portage-doctor <url>` from there tests the way.",
  },
  NOT_STICKY: {
    level: "problem",
    advice: "Make the balancer sticky, allow WebSocket alone, or use the option `cluster`, which needs no stickiness.",
  },
  REFUSED_AT_LIMIT: {
    level: "problem",
    advice: "Raise the option if the machine has room, or add servers.",
  },
  TIMEOUTS_OURS: {
    level: "problem",
    advice: "This process was too busy to read pongs: free its event loop from long work.",
  },
  TIMEOUTS_THEIRS: {
    level: "warning",
    advice: "These clients vanished without a goodbye: look at their network, or at an idle timeout of a proxy.",
  },
  RECONNECT_STORM: {
    level: "problem",
    advice: "Look at what lies between: a proxy that restarts or cuts, or a network that flaps. `carry` rides it out.",
  },
  ACKS_UNANSWERED: {
    level: "warning",
    advice: "Look whether clients have a listener that calls back; use `timeout()`, so that nothing waits for ever.",
  },
  HANDLERS_FAIL: {
    level: "problem",
    advice: "Listen to `handler_error` of the server: it has the error with its stack.",
  },
  OLD_CLIENTS: {
    level: "warning",
    advice: "Update these clients to Socket.IO 3 or newer; then turn off `allowEIO3`.",
  },
  BUS_LATE: {
    level: "problem",
    advice: "Look at the load of Redis and at the network to it; events between processes arrive late.",
  },
  NODE_SILENT: {
    level: "problem",
    advice: "Look at that process: it hangs, or the network to it is cut. Its clients wait meanwhile.",
  },
  NEAR_LIMIT: {
    level: "warning",
    advice: "Raise the option before clients are refused or cut, or add servers.",
  },
};
